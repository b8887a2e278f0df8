/** The first page: all of it comes from the server but how well the service is. */

import "../core/language.js";
import "../core/health.js";
