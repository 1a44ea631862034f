using System.Globalization;
using Cloister.Enclave.Broker;
using Cloister.Kbs;
using Microsoft.Extensions.Logging;

namespace Cloister.Enclave.Hosting;

/// <summary>
/// Everything that the enclave can log, in one list: what is not here is not logged. secrets: no method takes any; key_ids are public.
/// </summary>
public sealed partial class EnclaveLog
{
    private readonly ILogger _logger;

    /// <summary>Logs to <paramref name="logger"/>.</summary>
    public EnclaveLog(ILogger logger)
    {
        _logger = logger;
    }

    /// <summary>First line of a life.</summary>
    [LoggerMessage(1, LogLevel.Information, "cloister enclave {Version}: TEE {Tee}, custody {Custody}, cluster {Cluster}, provider {Provider}")]
    public partial void Starting(string version, string tee, string custody, string cluster, string provider);

    /// <summary>The loud line of a simulated TEE.</summary>
    [LoggerMessage(2, LogLevel.Warning, "THE TEE IS SIMULATED: keys are NOT protected from this machine; for development only, never with real Secrets")]
    public partial void Simulated();

    /// <summary>What memory protection came to.</summary>
    [LoggerMessage(3, LogLevel.Information, "memory: {Report}")]
    public partial void MemoryProtection(string report);

    /// <summary>A socket answers.</summary>
    [LoggerMessage(4, LogLevel.Information, "{Role} listens on {Address}")]
    public partial void Listening(string role, string address);

    /// <summary>The KEK that writes use, or the reason why there is none, changed.</summary>
    [LoggerMessage(5, LogLevel.Information, "status: key_id {KeyId}, {Health}")]
    public partial void StatusChanged(string keyId, string health);

    /// <summary>A peer was refused by its credentials.</summary>
    [LoggerMessage(6, LogLevel.Warning, "refused a connection of uid {Uid}, pid {Pid} to {Role}: the uid is not in allowedUids ({Suppressed} more since the last line)")]
    public partial void PeerRefused(uint uid, int pid, string role, long suppressed);

    /// <summary>A connection did not begin HTTP/2 in time.</summary>
    [LoggerMessage(7, LogLevel.Warning, "closed a connection to {Role} that sent nothing useful for {Seconds} s ({Suppressed} more since the last line)")]
    public partial void PeerSilent(string role, int seconds, long suppressed);

    /// <summary>A call failed; once in a while, not for each.</summary>
    [LoggerMessage(8, LogLevel.Warning, "{Method} failed with {Code}: {Message} ({Suppressed} more since the last line)")]
    public partial void CallFailed(string method, Rpc.StatusCode code, string message, long suppressed);

    /// <summary>A fault of this program: type and place, no text, which could carry data.</summary>
    [LoggerMessage(9, LogLevel.Error, "{Method}: fault {Type} in {Place}")]
    public partial void Fault(string method, string type, string place);

    /// <summary>A fault in the background: type and place.</summary>
    public void Fault(string what, Exception fault) =>
        Fault(what, fault.GetType().Name, fault.StackTrace?.Split('\n', 2)[0].Trim() ?? "unknown");

    /// <summary>An administrator changed the KEKs.</summary>
    [LoggerMessage(10, LogLevel.Information, "admin: {Act} {KeyId}")]
    public partial void Administration(string act, string keyId);

    /// <summary>The last line of a life.</summary>
    [LoggerMessage(11, LogLevel.Information, "stopped; keys wiped")]
    public partial void Stopped();

    /// <summary>A refill of the pool of wrapped DEKs failed.</summary>
    [LoggerMessage(12, LogLevel.Warning, "no new wrapped DEKs from the remote KMS: {Reason}; {Left} are left")]
    public partial void PoolNotFilled(string reason, int left);

    /// <summary>Nobody read standard error for a while.</summary>
    internal static string LinesLost(long lines) => $"WARNING 13 {lines} lines were not written: nobody read standard error";

    /// <summary>A connection without TLS, or with a key that is not pinned.</summary>
    [LoggerMessage(20, LogLevel.Warning, "refused a connection to {Role}: it did not show a key of {Role}.relay.pins in TLS (cloister relay --key) ({Suppressed} more since the last line)")]
    public partial void RelayRefused(string role, long suppressed);

    /// <summary>The loud line of a socket that anybody on the machine may use.</summary>
    [LoggerMessage(21, LogLevel.Warning, "{Role} on {Address} is UNAUTHENTICATED: EVERY PROCESS of this machine can have keys unwrapped; for development only")]
    public partial void Unauthenticated(string role, string address);

    /// <summary>There are more connections than room for them.</summary>
    [LoggerMessage(22, LogLevel.Warning, "{Role} has as many connections as it takes: {Count} idle or slow ones were closed for others, or others for want of room, since the last line")]
    public partial void ConnectionsCrowded(string role, long count);

    /// <summary>A broker granted or renewed a lease.</summary>
    [LoggerMessage(40, LogLevel.Information, "lease {Lease} of KEK {Kek} {What} by {Broker}: until {Expires}, to be renewed from {RenewAfter}, {Wraps} wraps, {Unwraps} unwraps")]
    private partial void Leased(string what, string lease, string kek, Uri broker, string expires, string renewAfter, long wraps, long unwraps);

    /// <summary>There is no lease, or it is not renewed.</summary>
    [LoggerMessage(41, LogLevel.Warning, "no lease from a broker at step {Step}: {Message}; {Held}")]
    private partial void NotLeased(string step, string message, string held);

    /// <summary>A lease and its grace are over.</summary>
    [LoggerMessage(42, LogLevel.Warning, "lease {Lease} is over: KEKs wiped")]
    public partial void LeaseOver(string lease);

    /// <summary>The broker's audit log is not what it was.</summary>
    [LoggerMessage(49, LogLevel.Error, "THE BROKER'S AUDIT LOG WENT BACK: it has {Size} entries and had {Seen}, or others: an old database was put back, or somebody changed it (docs/audit-log.md)")]
    public partial void AuditWentBack(long size, long seen);

    /// <summary>The sealed copy is used.</summary>
    [LoggerMessage(43, LogLevel.Warning, "no broker answers: lease {Lease} of KEK {Kek} comes from the sealed copy; the time is taken for {Now}, it holds until {Expires}")]
    private partial void Restored(string lease, string kek, string now, string expires);

    /// <summary>The sealed copy is not used.</summary>
    [LoggerMessage(44, LogLevel.Warning, "{Reason}")]
    public partial void SealedCopyRefused(string reason);

    /// <summary>Uses could not be reserved in time.</summary>
    [LoggerMessage(45, LogLevel.Warning, "the sealed copy is given up, uses are no longer counted in it: {Reason}; it is removed as soon as storage lets it, and written again after that")]
    public partial void SealedCopyGivenUp(string reason);

    /// <summary>The sealed copy could not be written or removed; said once until it works again.</summary>
    [LoggerMessage(47, LogLevel.Warning, "{Reason}; it is tried again until it works")]
    public partial void SealedCopyNotChanged(string reason);

    /// <summary>It works again.</summary>
    [LoggerMessage(48, LogLevel.Information, "the sealed copy can be written and removed again")]
    public partial void SealedCopyChanged();

    /// <summary>The loud line of a sealed copy of a lease.</summary>
    [LoggerMessage(49, LogLevel.Warning, "THE LEASE IS KEPT IN {Path} (state.sealedLease: survives-revocation): whoever keeps this file and sets this machine's clock back has its KEKs again after they were revoked, for as many uses as the lease allows, as often as he likes")]
    public partial void LeaseIsSealed(string path);

    /// <summary>A state folder, and no sealed copy of the lease.</summary>
    [LoggerMessage(61, LogLevel.Information, "state.directory is not used: no sealed copy of the lease is kept (state.sealedLease: none), a start while no broker answers has no KEK; one of an earlier start is removed")]
    public partial void LeaseIsNotSealed();

    /// <summary>Whether the platform's measurement covers the configuration.</summary>
    [LoggerMessage(46, LogLevel.Information, "configuration: {Binding}")]
    public partial void ConfigurationBinding(string binding);

    /// <summary>KEKs can be changed by whoever reaches the admin socket.</summary>
    [LoggerMessage(80, LogLevel.Warning, "custody.manual.operators is any: WHOEVER REACHES THE ADMIN SOCKET DECIDES WHICH KEK IS USED; for development only")]
    public partial void AnyOperator();

    /// <summary>KEKs cannot be changed.</summary>
    [LoggerMessage(81, LogLevel.Warning, "custody.manual.operators names nobody: no KEK can be taken, made or removed; 'cloister kek operator-key' makes a key and prints its pin")]
    public partial void NoOperator();

    /// <summary>The host can swap authorities that are trusted.</summary>
    [LoggerMessage(82, LogLevel.Warning, "NOT BOUND: {Field} is a file without a pin, the host can put authorities of its own there and be trusted; docs/configuration.md says what that gives")]
    public partial void NotBound(string field);

    /// <summary>An etcd endpoint did not answer.</summary>
    [LoggerMessage(50, LogLevel.Warning, "gateway: etcd at {Endpoint} cannot be used: {Reason} ({Suppressed} more since the last line)")]
    public partial void EtcdUnreachable(string endpoint, string reason, long suppressed);

    /// <summary>A client without a certificate that is accepted, or without HTTP/2.</summary>
    [LoggerMessage(51, LogLevel.Warning, "gateway: refused a client: it needs a certificate of gateway.tls.clientCa with a name of gateway.tls.clients, where these are given, and HTTP/2 ({Suppressed} more since the last line)")]
    public partial void GatewayClientRefused(long suppressed);

    /// <summary>A peer broke HTTP/2.</summary>
    [LoggerMessage(52, LogLevel.Warning, "gateway: closed the connection of {Peer}: {Reason}")]
    public partial void GatewayProtocolError(string peer, string reason);

    /// <summary>A stored value does not open, or is plaintext where none may be; with the way out.</summary>
    [LoggerMessage(53, LogLevel.Error, "gateway: {Key} {Reason} ({Suppressed} more since the last line)")]
    public partial void ValueNotReadable(string key, string reason, long suppressed);

    /// <summary>A call failed because a value's KEK is not here.</summary>
    [LoggerMessage(61, LogLevel.Error, "gateway: {Reason} ({Suppressed} more since the last line)")]
    public partial void ValueNotServed(string reason, long suppressed);

    /// <summary>etcd, or who stands in its place, answered something else than was asked.</summary>
    [LoggerMessage(62, LogLevel.Error, "gateway: refused an answer of etcd to {Method}: {Detail}. Whoever answers as etcd shows one key's value for another's, or is broken ({Suppressed} more since the last line)")]
    public partial void AnswerRefused(string method, string detail, long suppressed);

    /// <summary>A call for keys that the gateway does not serve.</summary>
    [LoggerMessage(63, LogLevel.Error, "gateway: did not {Detail}: not under gateway.prefixes, where values are encrypted, nor gateway.uncovered; check the API server's --etcd-prefix ({Suppressed} more since the last line)")]
    public partial void KeyNotServed(string detail, long suppressed);

    /// <summary>Keys pass in clear.</summary>
    [LoggerMessage(64, LogLevel.Warning, "gateway: VALUES UNDER {Prefixes} PASS IN CLEAR, as gateway.uncovered says")]
    public partial void Uncovered(string prefixes);

    /// <summary>Who may connect.</summary>
    [LoggerMessage(65, LogLevel.Warning, "gateway: every client certificate of the authorities in gateway.tls.clientCa may read and write Secrets: name those that may connect in gateway.tls.clients")]
    public partial void EveryClient();

    /// <summary>The API server encrypts what the gateway encrypts again.</summary>
    [LoggerMessage(54, LogLevel.Warning, "gateway: {Key} came encrypted by the API server already: take secrets out of its EncryptionConfiguration ({Suppressed} more since the last line)")]
    public partial void EncryptedTwice(string key, long suppressed);

    /// <summary>A broker issued a serving certificate.</summary>
    [LoggerMessage(55, LogLevel.Information, "gateway: serving certificate {Serial} of lease {Lease}, until {Expires}")]
    private partial void ServingCertificate(string serial, string lease, string expires);

    /// <summary>A broker issued none.</summary>
    [LoggerMessage(56, LogLevel.Warning, "gateway: no new serving certificate from a broker: {Reason}")]
    public partial void ServingCertificateNotIssued(string reason);

    /// <summary>Keys were wiped: whoever is connected is sent away.</summary>
    [LoggerMessage(57, LogLevel.Warning, "gateway: the lease of its serving certificate is gone, connections are closed")]
    public partial void ServingCertificateWithdrawn();

    /// <summary>An API server wanted to connect, and there is no certificate to show it.</summary>
    [LoggerMessage(58, LogLevel.Warning, "gateway: refused a connection, there is no serving certificate: {Reason} ({Suppressed} more since the last line)")]
    public partial void NoServingCertificate(string reason, long suppressed);

    /// <summary>Certificate files changed, and the new ones are in use.</summary>
    [LoggerMessage(59, LogLevel.Information, "gateway: {Field} changed; new connections have what its files hold now")]
    public partial void TlsFilesTaken(string field);

    /// <summary>The broker names other authorities.</summary>
    [LoggerMessage(66, LogLevel.Information, "gateway: {Field} has {Count} authorities of the broker's policy now")]
    public partial void AuthoritiesTaken(string field, int count);

    /// <summary>The broker names no authority.</summary>
    [LoggerMessage(67, LogLevel.Warning, "gateway: refused a connection, {Field} has no authority from the broker: {Reason} ({Suppressed} more since the last line)")]
    public partial void NoAuthority(string field, string reason, long suppressed);

    /// <summary>Certificate files changed, and the new ones are no good.</summary>
    [LoggerMessage(60, LogLevel.Error, "gateway: changed files are not taken, the old certificates stay in use: {Reason}")]
    public partial void TlsFilesRefused(string reason);

    /// <summary>A member of etcd was asked for work and did not do it.</summary>
    [LoggerMessage(71, LogLevel.Warning, "gateway: etcd at {Endpoint} does not serve: {Reason}")]
    public partial void EtcdDoesNotServe(string endpoint, string reason);

    /// <summary>It does again.</summary>
    [LoggerMessage(72, LogLevel.Information, "gateway: etcd at {Endpoint} serves again")]
    public partial void EtcdServesAgain(string endpoint);

    /// <summary>Another member is used from now on.</summary>
    [LoggerMessage(73, LogLevel.Warning, "gateway: goes on with etcd at {Other} in place of {Endpoint}; connections to that one are closed")]
    public partial void EtcdLeft(string endpoint, string other);

    /// <summary>There is none to go to.</summary>
    [LoggerMessage(74, LogLevel.Error, "gateway: no endpoint of gateway.etcd.endpoints serves: look at etcd itself, such as with etcdctl endpoint health ({Suppressed} more since the last line)")]
    public partial void NoEtcdServes(long suppressed);

    /// <summary>The gateway closed a connection of its own accord.</summary>
    [LoggerMessage(70, LogLevel.Warning, "gateway: closed a connection: {Reason} ({Suppressed} more since the last line)")]
    public partial void GatewayConnectionEnded(string reason, long suppressed);

    internal void ServingCertificate(string serial, string lease, long expires) => ServingCertificate(serial, lease, Time(expires));

    internal void Leased(string what, LeaseTerms terms, Uri broker) =>
        Leased(what, terms.Lease, terms.Kek, broker, Time(terms.Expires), Time(terms.RenewAfter), terms.Wraps, terms.Unwraps);

    internal void NotLeased(BrokerException failure, HeldLease? held) => NotLeased(
        failure.Step, failure.Message, held is null ? "there is no KEK" : $"lease {held.Terms.Lease} goes on until {Time(held.Terms.Expires)}");

    internal void Restored(LeaseTerms terms, long now) => Restored(terms.Lease, terms.Kek, Time(now), Time(terms.Expires));

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
