// Made by `qure openapi --types`; a test holds it against the program.

export type AccountRole = "ADMIN" | "PATIENT" | "STAFF";

/** How often what was told at joining held: the shares (0..1) of those who were called at `high` or before, and before `low`, and how far the call was from `likely`; null below 30 samples. */
export interface AccuracyBody {
  samples: number;
  calledBeforeHigh: number | null;
  calledBeforeLow: number | null;
  medianErrorMinutes: number | null;
  byService: (ServiceAccuracyBody)[];
}

/** Who did something: a patient sees the role alone. */
export interface ActorBody {
  id: string | null;
  name: string | null;
  role: string;
}

/** Whom to make staff, by id or by e-mail. */
export interface AddStaff {
  userId?: string | null;
  email?: string | null;
}

/** What staff note of somebody at the desk. */
export interface AdmitWalkIn {
  name?: string | null;
  phone?: string | null;
  note?: string | null;
  priority?: Priority;
}

/** So many desks, from then (now) to then (for good). */
export interface AskWhatIf {
  desks: number;
  from?: string | null;
  until?: string | null;
}

/** One bad field, by the name the client gave it. */
export interface BadField {
  path: string;
  message: string;
}

/** What staff see of a queue: its tokens in call order, at ``version``. */
export interface BoardBody {
  queue: QueueBody;
  status: StatusBody;
  version: number;
  tokens: (BoardTokenBody)[];
}

/** A token on the board: how many are called before it, null unless it waits, and when it will be called, null as long as nothing was forecast. */
export interface BoardTokenBody {
  id: string;
  queueId: string;
  patientId: string;
  tokenNumber: number;
  status: string;
  createdAt: string;
  calledAt: string | null;
  startedAt: string | null;
  completedAt: string | null;
  skippedAt: string | null;
  cancelledAt: string | null;
  label: string;
  serviceId: string;
  priority: string;
  onHold: boolean;
  desk: DeskNameBody | null;
  recallCount: number;
  lastCalledAt: string | null;
  skipReason: string | null;
  cancelReason: string | null;
  rejoinUntil: string | null;
  postponesLeft: number;
  transferredFrom: string | null;
  transferredTo: string | null;
  guest: boolean;
  version: number;
  name: string | null;
  phone: string | null;
  note: string | null;
  ahead: number | null;
  wait: WaitBody | null;
}

/** What one change made of a board: the tokens that changed, and the new order of all. ``version`` is one more than before. A token that is not in ``order`` has left the board; how many are ahead of one that waits follows from it: those that wait and come before. */
export interface BoardUpdateBody {
  queueId: string;
  version: number;
  status: StatusBody;
  changed: (BoardTokenBody)[];
  order: (string)[];
}

/** The waits on a board that are different now. */
export interface BoardWaitsBody {
  queueId: string;
  version: number;
  waits: (TokenWaitBody)[];
}

/** That somebody was called. */
export interface CallBody {
  label: string;
  tokenNumber: number;
  desk: DeskNameBody | null;
  calledAt: string;
  recallCount: number;
}

/** Call this one, out of order. */
export interface CallToken {
  expectedVersion?: number | null;
  reason?: string | null;
}

/** Why it is cancelled, in words. */
export interface CancelToken {
  expectedVersion?: number | null;
  reason?: string | null;
}

/** The password as it was and as it shall be. */
export interface ChangePassword {
  oldPassword: string;
  newPassword: string;
  confirmNewPassword: string;
}

/** The class that it shall have. */
export interface ChangePriority {
  expectedVersion?: number | null;
  priority: Priority;
}

/** One thing that the settings choose, as a sentence for a person. */
export interface ChoiceBody {
  subject: string;
  sentence: string;
}

/** A clinic. */
export interface ClinicBody {
  id: string;
  name: string;
  address: string | null;
  latitude: number;
  longitude: number;
  phone: string | null;
  email: string | null;
  website: string | null;
  description: string | null;
  logo: string | null;
  images: (string)[];
  isActive: boolean;
  type: string;
  openingHours: OpeningHoursBody;
  timezone: string;
  languages: (string)[];
  maxQueueSize: number;
  autoOpenQueue: boolean;
  noShowMinutes: number | null;
  rejoinMinutes: number;
  maxRejoins: number;
  rejoinAfter: number;
  refuseBelow: number;
  guestJoin: boolean;
  createdAt: string;
  updatedAt: string;
  joinCode?: string | null;
  distance_km?: number;
}

/** A page of clinics. */
export interface ClinicListBody {
  clinics: (ClinicBody)[];
  pagination: PaginationBody;
}

export type ClinicType = "DENTIST" | "DERMATOLOGY" | "ENT" | "GENERAL_PRACTICE" | "GYNECOLOGY" | "ORTHOPEDICS" | "PEDIATRICS" | "PSYCHIATRY";

/** A new clinic. */
export interface CreateClinic {
  name: string;
  latitude: number;
  longitude: number;
  address?: string | null;
  phone?: string | null;
  email?: string | null;
  website?: string | null;
  description?: string | null;
  openingHours?: OpeningHours;
  type?: ClinicType;
  timezone?: string | null;
  languages?: (Language)[] | null;
  maxQueueSize?: number;
  autoOpenQueue?: boolean;
  noShowMinutes?: number | null;
  rejoinMinutes?: number;
  maxRejoins?: number;
  rejoinAfter?: number;
  refuseBelow?: number;
  guestJoin?: boolean;
}

/** A new desk. */
export interface CreateDesk {
  name: string;
}

/** A new service; without a prefix it gets a letter, without a position it comes last. */
export interface CreateService {
  name: string;
  prefix?: string | null;
  expectedMinutes?: number;
  maxQueueSize?: number;
  autoOpenQueue?: boolean;
  position?: number | null;
}

/** Where patients go; ``since`` is when its state began. */
export interface DeskBody {
  id: string;
  clinicId: string;
  name: string;
  isActive: boolean;
  state: string;
  staff: SeatedBody | null;
  serviceIds: (string)[];
  since: string;
  pausedUntil: string | null;
}

/** Where somebody is called to. */
export interface DeskNameBody {
  id: string;
  name: string;
}

/** What the app says of the device. */
export interface DeviceInfo {
  userAgent?: string | null;
}

/** A device that looks on; ``serviceIds`` null means all services. */
export interface DisplayBody {
  id: string;
  clinicId: string;
  name: string;
  serviceIds: (string)[] | null;
  createdAt: string;
}

/** What a display holds when it has been let in; a page has its refresh token in a cookie. */
export interface DisplayGrantBody {
  accessToken: string;
  refreshToken: string | null;
  display: DisplayBody;
}

/** A clinic, as it is shown at its door. */
export interface DoorBody {
  clinicId: string;
  name: string;
  address: string | null;
  logo: string | null;
  openingHours: OpeningHoursBody;
  timezone: string;
  languages: (string)[];
  services: (DoorServiceBody)[];
}

/** A service that has a queue today. */
export interface DoorServiceBody {
  id: string;
  name: string;
  prefix: string;
  status: StatusBody;
  wait: QueueWaitBody;
}

/** What a client gets when it did not work. ``code`` is stable, ``message`` for a person. */
export interface Failure {
  success: boolean;
  message: string;
  code: string;
  errors: (BadField)[] | null;
  meta: Record<string, unknown> | null;
}

/** Which tokens of a queue. */
export interface FilterTokens {
  tokenNumber?: number | null;
  status?: TokenStatus | null;
}

/** Over how many days. */
export interface ForDays {
  days?: number;
}

/** What everyone who watches the queue is told. A DELAY says by how many minutes, a NOTE says something, a PAUSE may say neither. */
export interface GiveNotice {
  kind: NoticeKind;
  minutes?: number | null;
  until?: string | null;
  text?: string | null;
}

/** A guest's link: told once. ``qr`` is an SVG as a data URI. */
export interface GuestBody {
  secret: string;
  url: string;
  qr: string;
}

/** What a guest's link opens; ``expiresAt`` is that of the access token. */
export interface GuestSessionBody {
  user: UserBody;
  accessToken: string;
  expiresAt: string;
}

/** The process answers. */
export interface Health {
  health: string;
  timestamp: string;
  version: string;
  message: string;
}

/** One move of a token; the first is its issuing, from null. ``by`` is null for the clock. ``wait`` is what the patient was told when they joined, at the issuing alone. */
export interface HistoryEntryBody {
  at: string;
  action: string;
  from: string | null;
  to: string | null;
  by: ActorBody | null;
  desk: DeskNameBody | null;
  reason: string | null;
  wait?: WaitBody | null;
}

/** The queue to stand in. */
export interface IssueToken {
  queueId: string;
}

/** What a stranger at the door wants; by default the clinic's default service. */
export interface Join {
  serviceId?: string | null;
  name?: string | null;
}

/** What a poster carries: ``url`` leads to the clinic's door, ``qr`` is an SVG as a data URI. */
export interface JoinCodeBody {
  joinCode: string;
  url: string;
  qr: string;
}

/** The token of somebody who came through the door, and their link. */
export interface JoinedBody {
  token: TokenBody;
  guest: GuestBody;
}

/** The header that says which requests are one and the same. */
export interface KeyHeader {
  "Idempotency-Key"?: string | null;
}

export type Language = "ar" | "de" | "en" | "es" | "fr" | "hi";

/** The code that the display shows, and what it shall be; by default it shows all services. */
export interface LetDisplayIn {
  userCode: string;
  name: string;
  serviceIds?: (string)[] | null;
}

/** Addresses of this server; ``docs`` is null where they are switched off. */
export interface Links {
  api: string;
  docs: string | null;
  health: string;
  socketIo: string;
  webSocket: string;
}

/** Which clinics, which page. */
export interface ListClinics {
  page?: number;
  limit?: number;
  query?: string | null;
  type?: ClinicType | null;
  latitude?: number | null;
  longitude?: number | null;
  radius?: number | null;
}

/** A login. */
export interface LogIn {
  email: string;
  password: string;
  deviceInfo?: DeviceInfo | null;
}

/** The refresh token of the login that ends. */
export interface LogOut {
  refreshToken: string;
}

/** A fresh login; a page has its refresh token in a cookie. */
export interface LoginBody {
  user: UserBody;
  accessToken: string;
  refreshToken: string | null;
}

/** The first admin, and the code that `qure serve` shows. */
export interface MakeFirstAdmin {
  firstName: string;
  lastName: string;
  email: string;
  password: string;
  confirmPassword: string;
  code: string;
}

/** A user, as an admin sees them. */
export interface ManagedUserBody {
  id: string;
  email: string | null;
  firstName: string;
  lastName: string;
  role: string;
  clinicId: string | null;
  profilePicture: string;
  guest: boolean;
  createdAt: string;
  isActive: boolean;
}

/** Any move; ``expectedVersion`` is the token's, or the queue's of call-next and undo. */
export interface Move {
  expectedVersion?: number | null;
}

/** What staff tell everyone who watches; ``at`` is when it was given. */
export interface NoticeBody {
  kind: string;
  minutes: number | null;
  until: string | null;
  text: string | null;
  at: string;
}

export type NoticeKind = "DELAY" | "NOTE" | "PAUSE";

/** Which service; by default the clinic's default one. */
export interface OfService {
  serviceId?: string | null;
}

/** The services to call for; by default all active ones. */
export interface OpenDesk {
  serviceIds?: (string)[] | null;
}

/** The secret of a guest's link. */
export interface OpenGuestLink {
  secret: string;
}

/** For which service, and how many tokens; by default the service's own number. */
export interface OpenQueue {
  serviceId?: string | null;
  maxQueueSize?: number | null;
}

/** On the clinic's wall clock; the end is after the start. */
export interface OpeningHours {
  start: string;
  end: string;
}

/** On the clinic's wall clock, ``HH:MM``. */
export interface OpeningHoursBody {
  start: string;
  end: string;
}

/** Where in a listing a page is. */
export interface PaginationBody {
  page: number;
  limit: number;
  totalCount: number;
  totalPages: number;
  hasNextPage: boolean;
  hasPrevPage: boolean;
}

/** What a display keeps (``deviceCode``) and shows (the rest); seconds (RFC 8628). Staff type the user code at ``verificationUri``; ``verificationUriComplete`` has it in its fragment already, and ``qr`` is that as an SVG in a data URI. */
export interface PairingBody {
  deviceCode: string;
  userCode: string;
  verificationUri: string;
  verificationUriComplete: string;
  qr: string;
  expiresIn: number;
  interval: number;
}

/** When the pause is said to end. */
export interface PauseDesk {
  until?: string | null;
}

/** How many are called before a token as things stand, null unless it waits. ``wait`` is when it will be called, null as long as nothing was forecast; ``version`` is the queue's. */
export interface PlaceBody {
  tokenId: string;
  queueId: string;
  ahead: number | null;
  wait: WaitBody | null;
  version: number;
}

/** When each is called; `finish` is the last one's, null when nobody waits. */
export interface PlanBody {
  finish: WaitBody | null;
  byToken: (TokenWaitBody)[];
}

/** The code that the display keeps. */
export interface PollDisplay {
  deviceCode: string;
}

/** How many may pass. */
export interface PostponeToken {
  expectedVersion?: number | null;
  pass: number;
}

export type Priority = "NORMAL" | "PRIORITY" | "URGENT";

/** A user, and since when they are one. */
export interface ProfileBody {
  id: string;
  email: string | null;
  firstName: string;
  lastName: string;
  role: string;
  clinicId: string | null;
  profilePicture: string;
  guest: boolean;
  createdAt: string;
}

/** A service's queue of one local day. */
export interface QueueBody {
  id: string;
  clinicId: string;
  queueDate: string;
  currentTokenNo: number;
  maxQueueSize: number;
  startTime: string;
  endTime: string;
  isActive: boolean;
  createdAt: string;
  updatedAt: string;
  version: number;
  serviceId: string;
  serviceName: string;
  prefix: string;
  isClosed: boolean;
}

/** How a queue of today stands, and what whoever joins it now has to wait. */
export interface QueueOfDayBody {
  queueId: string;
  clinicId: string;
  currentTokenNo: number;
  waitingCount: number;
  startTime: string;
  endTime: string;
  isActive: boolean;
  lastServedTokenNumber: number;
  version: number;
  serviceId: string;
  serviceName: string;
  prefix: string;
  openDesks: number;
  onHoldCount: number;
  next: (string)[];
  calls: (CallBody)[];
  notice: NoticeBody | null;
  isClosed: boolean;
  wait: QueueWaitBody;
}

/** What whoever joins now is told, and the probability (0..1) that they are called before the closing time; null where it is not known. */
export interface QueueWaitBody {
  ifJoinedNow: WaitBody | null;
  beforeClosing: number | null;
}

/** Each backend and its state; ``failed_images`` were given up and wait for a person. */
export interface Readiness {
  health: string;
  timestamp: string;
  version: string;
  message: string;
  backends: Record<string, unknown>;
  failedImages: number | null;
}

/** A refresh token for the next pair. */
export interface Refresh {
  refreshToken: string;
  deviceInfo?: DeviceInfo | null;
}

/** The next pair of a login, and whose it is; the refresh token that was given is spent. */
export interface RefreshBody {
  accessToken: string;
  refreshToken: string | null;
  user: UserBody;
}

/** A new account. */
export interface Register {
  firstName: string;
  lastName: string;
  email: string;
  password: string;
  confirmPassword: string;
}

/** The clinic, and what its new posters carry. */
export interface RenewedJoinCodeBody {
  id: string;
  name: string;
  address: string | null;
  latitude: number;
  longitude: number;
  phone: string | null;
  email: string | null;
  website: string | null;
  description: string | null;
  logo: string | null;
  images: (string)[];
  isActive: boolean;
  type: string;
  openingHours: OpeningHoursBody;
  timezone: string;
  languages: (string)[];
  maxQueueSize: number;
  autoOpenQueue: boolean;
  noShowMinutes: number | null;
  rejoinMinutes: number;
  maxRejoins: number;
  rejoinAfter: number;
  refuseBelow: number;
  guestJoin: boolean;
  createdAt: string;
  updatedAt: string;
  joinCode?: string | null;
  distance_km?: number;
  url: string;
  qr: string;
}

export type ReturnTo = "AFTER" | "FIRST" | "LAST";

/** Where in the line of its class it comes back to. */
export interface ReturnToken {
  expectedVersion?: number | null;
  to?: ReturnTo;
  after?: number | null;
}

/** Which users, which page. */
export interface SearchUsers {
  page?: number;
  limit?: number;
  query?: string | null;
  role?: AccountRole | null;
}

/** Who sits at a desk. */
export interface SeatedBody {
  id: string;
  firstName: string;
}

/** One service's; see ``AccuracyBody``. */
export interface ServiceAccuracyBody {
  serviceId: string;
  samples: number;
  calledBeforeHigh: number | null;
  calledBeforeLow: number | null;
  medianErrorMinutes: number | null;
}

/** What patients stand in line for. */
export interface ServiceBody {
  id: string;
  clinicId: string;
  name: string;
  prefix: string;
  expectedMinutes: number;
  maxQueueSize: number;
  autoOpenQueue: boolean;
  isDefault: boolean;
  isActive: boolean;
  position: number;
  createdAt: string;
  updatedAt: string;
}

/** A live login; ``current`` marks the one that asked. */
export interface SessionBody {
  id: string;
  userAgent: string | null;
  ipAddress: string | null;
  createdAt: string;
  expiresAt: string;
  current: boolean;
}

/** Switch on or off. */
export interface SetActive {
  isActive: boolean;
}

/** ``needed`` until there was an admin. */
export interface SetupBody {
  needed: boolean;
}

export type SkipReason = "NO_SHOW" | "STAFF";

/** Why it is skipped; by default what its state says. */
export interface SkipToken {
  expectedVersion?: number | null;
  reason?: SkipReason | null;
}

/** A staff member of a clinic. */
export interface StaffBody {
  id: string;
  firstName: string;
  lastName: string;
  email: string | null;
  role: string;
  profilePicture: string;
  createdAt: string;
}

/** A token, as staff see it: with the name of its patient and what was noted. */
export interface StaffTokenBody {
  id: string;
  queueId: string;
  patientId: string;
  tokenNumber: number;
  status: string;
  createdAt: string;
  calledAt: string | null;
  startedAt: string | null;
  completedAt: string | null;
  skippedAt: string | null;
  cancelledAt: string | null;
  label: string;
  serviceId: string;
  priority: string;
  onHold: boolean;
  desk: DeskNameBody | null;
  recallCount: number;
  lastCalledAt: string | null;
  skipReason: string | null;
  cancelReason: string | null;
  rejoinUntil: string | null;
  postponesLeft: number;
  transferredFrom: string | null;
  transferredTo: string | null;
  guest: boolean;
  version: number;
  name: string | null;
  phone: string | null;
  note: string | null;
}

/** How a queue stands. Token numbers are 0 while no token was called or served. ``next`` are the labels of the next 5, ``calls`` the last 6 calls, the newest first. ``waitingCount`` counts those ``onHoldCount`` too. */
export interface StatusBody {
  queueId: string;
  clinicId: string;
  currentTokenNo: number;
  waitingCount: number;
  startTime: string;
  endTime: string;
  isActive: boolean;
  lastServedTokenNumber: number;
  version: number;
  serviceId: string;
  serviceName: string;
  prefix: string;
  openDesks: number;
  onHoldCount: number;
  next: (string)[];
  calls: (CallBody)[];
  notice: NoticeBody | null;
  isClosed: boolean;
}

/** A token. */
export interface TokenBody {
  id: string;
  queueId: string;
  patientId: string;
  tokenNumber: number;
  status: string;
  createdAt: string;
  calledAt: string | null;
  startedAt: string | null;
  completedAt: string | null;
  skippedAt: string | null;
  cancelledAt: string | null;
  label: string;
  serviceId: string;
  priority: string;
  onHold: boolean;
  desk: DeskNameBody | null;
  recallCount: number;
  lastCalledAt: string | null;
  skipReason: string | null;
  cancelReason: string | null;
  rejoinUntil: string | null;
  postponesLeft: number;
  transferredFrom: string | null;
  transferredTo: string | null;
  guest: boolean;
  version: number;
}

export type TokenStatus = "CALLED" | "CANCELLED" | "COMPLETED" | "IN_PROGRESS" | "SKIPPED" | "WAITING";

/** One token's wait. */
export interface TokenWaitBody {
  tokenId: string;
  wait: WaitBody;
}

export type TransferTo = "FIRST" | "LAST";

/** The service in whose queue the patient goes on. */
export interface TransferToken {
  expectedVersion?: number | null;
  serviceId: string;
  to?: TransferTo;
  priority?: Priority | null;
}

/** The tokens of a move that was taken back, as they stand again. */
export interface UndoneBody {
  tokens: (StaffTokenBody)[];
}

/** What changes of a clinic; what is left out stays, a null clears what may be empty. */
export interface UpdateClinic {
  name?: string;
  latitude?: number;
  longitude?: number;
  address?: string | null;
  phone?: string | null;
  email?: string | null;
  website?: string | null;
  description?: string | null;
  openingHours?: OpeningHours;
  type?: ClinicType;
  timezone?: string;
  languages?: (Language)[] | null;
  maxQueueSize?: number;
  autoOpenQueue?: boolean;
  noShowMinutes?: number | null;
  rejoinMinutes?: number;
  maxRejoins?: number;
  rejoinAfter?: number;
  refuseBelow?: number;
  guestJoin?: boolean;
  isActive?: boolean;
  logo?: string | null;
  images?: (string)[] | null;
}

/** What changes of a desk; what is left out stays. */
export interface UpdateDesk {
  name?: string;
  isActive?: boolean;
}

/** What a user may change of themselves; what is left out stays. */
export interface UpdateProfile {
  firstName?: string;
  lastName?: string;
}

/** What changes of a service; what is left out stays. */
export interface UpdateService {
  name?: string;
  prefix?: string;
  expectedMinutes?: number;
  maxQueueSize?: number;
  autoOpenQueue?: boolean;
  isActive?: boolean;
  position?: number;
}

/** A user, as they see themselves. */
export interface UserBody {
  id: string;
  email: string | null;
  firstName: string;
  lastName: string;
  role: string;
  clinicId: string | null;
  profilePicture: string;
  guest: boolean;
}

/** A page of users. */
export interface UserListBody {
  users: (ManagedUserBody)[];
  pagination: PaginationBody;
}

/** When somebody will be called, as told: `estimated`, `next` (nobody ahead and a desk free) or `unknown` (all instants null; `reason` says why). With 20 % probability the call comes before `low`, with 50 % before `likely`, with 80 % before `high`; who is there by `leaveBy` misses it in at most one of ten cases. */
export interface WaitBody {
  state: string;
  reason: string | null;
  low: string | null;
  likely: string | null;
  high: string | null;
  leaveBy: string | null;
  basis: string;
  reasons: (string)[];
  asOf: string;
  version: number;
}

/** A walk-in's token, and the link for its patient. */
export interface WalkInBody {
  token: StaffTokenBody;
  guest: GuestBody;
}

/** Who answers. */
export interface Welcome {
  name: string;
  version: string;
  links: Links;
}

/** A line as it goes, and as it would go. */
export interface WhatIfBody {
  now: PlanBody;
  then: PlanBody;
}
