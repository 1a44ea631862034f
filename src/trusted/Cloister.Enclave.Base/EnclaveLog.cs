using System.Globalization;

namespace Cloister.Enclave.Base;

/// <summary>
/// Everything that the enclave can log, in one list: what is not here is not logged. secrets: no method takes any; key_ids are public.
/// </summary>
public sealed class EnclaveLog
{
    private readonly LogLine _write;

    /// <summary>Gives each line to <paramref name="write"/>, which waits for nothing and throws nothing.</summary>
    public EnclaveLog(LogLine write)
    {
        _write = write;
    }

    /// <summary>First line of a life.</summary>
    public void Starting(string version, string tee, string custody, string cluster, string provider) =>
        _write(LogLevel.Information, 1, $"cloister enclave {version}: TEE {tee}, custody {custody}, cluster {cluster}, provider {provider}");

    /// <summary>The loud line of a simulated TEE.</summary>
    public void Simulated() =>
        _write(LogLevel.Warning, 2, "THE TEE IS SIMULATED: keys are NOT protected from this machine; for development only, never with real Secrets");

    /// <summary>What memory protection came to.</summary>
    public void MemoryProtection(string report) =>
        _write(LogLevel.Information, 3, $"memory: {report}");

    /// <summary>A socket answers.</summary>
    public void Listening(string role, string address) =>
        _write(LogLevel.Information, 4, $"{role} listens on {address}");

    /// <summary>The KEK that writes use, or the reason why there is none, changed.</summary>
    public void StatusChanged(string keyId, string health) =>
        _write(LogLevel.Information, 5, $"status: key_id {keyId}, {health}");

    /// <summary>A peer was refused by its credentials.</summary>
    public void PeerRefused(uint uid, int pid, string role, long suppressed) =>
        _write(LogLevel.Warning, 6, $"refused a connection of uid {uid}, pid {pid} to {role}: the uid is not in allowedUids ({suppressed} more since the last line)");

    /// <summary>A connection did not begin HTTP/2 in time.</summary>
    public void PeerSilent(string role, int seconds, long suppressed) =>
        _write(LogLevel.Warning, 7, $"closed a connection to {role} that sent nothing useful for {seconds} s ({suppressed} more since the last line)");

    /// <summary>A call failed; once in a while, not for each.</summary>
    public void CallFailed(string method, string code, string message, long suppressed, string uid = "") => _write(
        LogLevel.Warning, 8, $"{method} failed with {code}: {message} ({(uid.Length > 0 ? $"request {uid}, " : "")}{suppressed} more since the last line)");

    /// <summary>A fault of this program: type and place, no text, which could carry data.</summary>
    public void Fault(string method, string type, string place) =>
        _write(LogLevel.Error, 9, $"{method}: fault {type} in {place}");

    /// <summary>A fault in the background: type and place.</summary>
    public void Fault(string what, Exception fault) =>
        Fault(what, fault.GetType().Name, fault.StackTrace?.Split('\n', 2)[0].Trim() ?? "unknown");

    /// <summary>An administrator changed the KEKs.</summary>
    public void Administration(string act, string keyId) =>
        _write(LogLevel.Information, 10, $"admin: {act} {keyId}");

    /// <summary>The last line of a life.</summary>
    public void Stopped() =>
        _write(LogLevel.Information, 11, "stopped; keys wiped");

    /// <summary>A refill of the pool of wrapped DEKs failed.</summary>
    public void PoolNotFilled(string reason, int left) =>
        _write(LogLevel.Warning, 12, $"no new wrapped DEKs from the remote KMS: {reason}; {left} are left");

    /// <summary>Nobody read standard error for a while.</summary>
    internal static string LinesLost(long lines) => $"{lines} lines were not written: nobody read standard error";

    /// <summary>A connection without TLS, or with a key that is not pinned.</summary>
    public void RelayRefused(string role, long suppressed) =>
        _write(LogLevel.Warning, 20, $"refused a connection to {role}: it did not show a key of {role}.relay.pins in TLS (cloister relay --key) ({suppressed} more since the last line)");

    /// <summary>The loud line of a socket that anybody on the machine may use.</summary>
    public void Unauthenticated(string role, string address) =>
        _write(LogLevel.Warning, 21, $"{role} on {address} is UNAUTHENTICATED: EVERY PROCESS of this machine can have keys unwrapped; for development only");

    /// <summary>There are more connections than room for them.</summary>
    public void ConnectionsCrowded(string role, long count) =>
        _write(LogLevel.Warning, 22, $"{role} has as many connections as it takes: {count} idle or slow ones were closed for others, or others for want of room, since the last line");

    /// <summary>A broker granted or renewed a lease.</summary>
    public void Leased(string what, string lease, string kek, Uri broker, long expires, long renewAfter, long wraps, long unwraps) =>
        _write(LogLevel.Information, 40, $"lease {lease} of KEK {kek} {what} by {broker}: until {Time(expires)}, to be renewed from {Time(renewAfter)}, {wraps} wraps, {unwraps} unwraps");

    /// <summary>There is no lease, or it is not renewed: the one that is held, if there is one, goes on until it ends.</summary>
    public void NotLeased(string step, string message, string? held, long expires) => _write(
        LogLevel.Warning, 41, $"no lease from a broker at step {step}: {message}; {(held is null ? "there is no KEK" : $"lease {held} goes on until {Time(expires)}")}");

    /// <summary>A lease and its grace are over.</summary>
    public void LeaseOver(string lease) =>
        _write(LogLevel.Warning, 42, $"lease {lease} is over: KEKs wiped");

    /// <summary>The broker's audit log is not what it was.</summary>
    public void AuditWentBack(long size, long seen) =>
        _write(LogLevel.Error, 14, $"THE BROKER'S AUDIT LOG WENT BACK: it has {size} entries and had {seen}, or others: an old database was put back, or somebody changed it (docs/audit-log.md)");

    /// <summary>The sealed copy is used.</summary>
    public void Restored(string lease, string kek, long now, long expires) =>
        _write(LogLevel.Warning, 43, $"no broker answers: lease {lease} of KEK {kek} comes from the sealed copy; the time is taken for {Time(now)}, it holds until {Time(expires)}");

    /// <summary>The sealed copy is not used.</summary>
    public void SealedCopyRefused(string reason) =>
        _write(LogLevel.Warning, 44, $"{reason}");

    /// <summary>Uses could not be reserved in time.</summary>
    public void SealedCopyGivenUp(string reason) =>
        _write(LogLevel.Warning, 45, $"the sealed copy is given up, uses are no longer counted in it: {reason}; it is removed as soon as storage lets it, and written again after that");

    /// <summary>The sealed copy could not be written or removed; said once until it works again.</summary>
    public void SealedCopyNotChanged(string reason) =>
        _write(LogLevel.Warning, 47, $"{reason}; it is tried again until it works");

    /// <summary>It works again.</summary>
    public void SealedCopyChanged() =>
        _write(LogLevel.Information, 48, "the sealed copy can be written and removed again");

    /// <summary>The loud line of a sealed copy of a lease.</summary>
    public void LeaseIsSealed(string path) =>
        _write(LogLevel.Warning, 49, $"THE LEASE IS KEPT IN {path} (state.sealedLease: survives-revocation): whoever keeps this file and sets this machine's clock back has its KEKs again after they were revoked, for as many uses as the lease allows, as often as he likes");

    /// <summary>A state folder, and no sealed copy of the lease.</summary>
    public void LeaseIsNotSealed() =>
        _write(LogLevel.Information, 15, "state.directory is not used: no sealed copy of the lease is kept (state.sealedLease: none), a start while no broker answers has no KEK; one of an earlier start is removed");

    /// <summary>Whether the platform's measurement covers the configuration.</summary>
    public void ConfigurationBinding(string binding) =>
        _write(LogLevel.Information, 46, $"configuration: {binding}");

    /// <summary>KEKs can be changed by whoever reaches the admin socket.</summary>
    public void AnyOperator() =>
        _write(LogLevel.Warning, 80, "custody.manual.operators is any: WHOEVER REACHES THE ADMIN SOCKET DECIDES WHICH KEK IS USED; for development only");

    /// <summary>KEKs cannot be changed.</summary>
    public void NoOperator() =>
        _write(LogLevel.Warning, 81, "custody.manual.operators names nobody: no KEK can be taken, made or removed; 'cloister kek operator-key' makes a key and prints its pin");

    /// <summary>The host can swap authorities that are trusted.</summary>
    public void NotBound(string field) =>
        _write(LogLevel.Warning, 82, $"NOT BOUND: {field} is a file without a pin, the host can put authorities of its own there and be trusted; docs/configuration.md says what that gives");

    /// <summary>An etcd endpoint did not answer.</summary>
    public void EtcdUnreachable(string endpoint, string reason, long suppressed) =>
        _write(LogLevel.Warning, 50, $"gateway: etcd at {endpoint} cannot be used: {reason} ({suppressed} more since the last line)");

    /// <summary>A client without a certificate that is accepted, or without HTTP/2.</summary>
    public void GatewayClientRefused(long suppressed) =>
        _write(LogLevel.Warning, 51, $"gateway: refused a client: it needs a certificate of gateway.tls.clientCa with a name of gateway.tls.clients, where these are given, and HTTP/2 ({suppressed} more since the last line)");

    /// <summary>A peer broke HTTP/2.</summary>
    public void GatewayProtocolError(string peer, string reason) =>
        _write(LogLevel.Warning, 52, $"gateway: closed the connection of {peer}: {reason}");

    /// <summary>A stored value does not open, or is plaintext where none may be; with the way out.</summary>
    public void ValueNotReadable(string key, string reason, long suppressed) =>
        _write(LogLevel.Error, 53, $"gateway: {key} {reason} ({suppressed} more since the last line)");

    /// <summary>A call failed because a value's KEK is not here.</summary>
    public void ValueNotServed(string reason, long suppressed) =>
        _write(LogLevel.Error, 61, $"gateway: {reason} ({suppressed} more since the last line)");

    /// <summary>etcd, or who stands in its place, answered something else than was asked.</summary>
    public void AnswerRefused(string method, string detail, long suppressed) =>
        _write(LogLevel.Error, 62, $"gateway: refused an answer of etcd to {method}: {detail}. Whoever answers as etcd shows one key's value for another's, or is broken ({suppressed} more since the last line)");

    /// <summary>A call for keys that the gateway does not serve.</summary>
    public void KeyNotServed(string detail, long suppressed) =>
        _write(LogLevel.Error, 63, $"gateway: did not {detail}: not under gateway.prefixes, where values are encrypted, nor gateway.uncovered; check the API server's --etcd-prefix ({suppressed} more since the last line)");

    /// <summary>Keys pass in clear.</summary>
    public void Uncovered(string prefixes) =>
        _write(LogLevel.Warning, 64, $"gateway: VALUES UNDER {prefixes} PASS IN CLEAR, as gateway.uncovered says");

    /// <summary>Who may connect.</summary>
    public void EveryClient() =>
        _write(LogLevel.Warning, 65, "gateway: every client certificate of the authorities in gateway.tls.clientCa may read and write Secrets: name those that may connect in gateway.tls.clients");

    /// <summary>The API server encrypts what the gateway encrypts again.</summary>
    public void EncryptedTwice(string key, long suppressed) =>
        _write(LogLevel.Warning, 54, $"gateway: {key} came encrypted by the API server already: take secrets out of its EncryptionConfiguration ({suppressed} more since the last line)");

    /// <summary>A broker issued a serving certificate.</summary>
    public void ServingCertificate(string serial, string lease, long expires) =>
        _write(LogLevel.Information, 55, $"gateway: serving certificate {serial} of lease {lease}, until {Time(expires)}");

    /// <summary>A broker issued none.</summary>
    public void ServingCertificateNotIssued(string reason) =>
        _write(LogLevel.Warning, 56, $"gateway: no new serving certificate from a broker: {reason}");

    /// <summary>Keys were wiped: whoever is connected is sent away.</summary>
    public void ServingCertificateWithdrawn() =>
        _write(LogLevel.Warning, 57, "gateway: the lease of its serving certificate is gone, connections are closed");

    /// <summary>An API server wanted to connect, and there is no certificate to show it.</summary>
    public void NoServingCertificate(string reason, long suppressed) =>
        _write(LogLevel.Warning, 58, $"gateway: refused a connection, there is no serving certificate: {reason} ({suppressed} more since the last line)");

    /// <summary>Certificate files changed, and the new ones are in use.</summary>
    public void TlsFilesTaken(string field) =>
        _write(LogLevel.Information, 59, $"gateway: {field} changed; new connections have what its files hold now");

    /// <summary>The broker names other authorities.</summary>
    public void AuthoritiesTaken(string field, int count) =>
        _write(LogLevel.Information, 66, $"gateway: {field} has {count} authorities of the broker's policy now");

    /// <summary>The broker names no authority.</summary>
    public void NoAuthority(string field, string reason, long suppressed) =>
        _write(LogLevel.Warning, 67, $"gateway: refused a connection, {field} has no authority from the broker: {reason} ({suppressed} more since the last line)");

    /// <summary>Certificate files changed, and the new ones are no good.</summary>
    public void TlsFilesRefused(string reason) =>
        _write(LogLevel.Error, 60, $"gateway: changed files are not taken, the old certificates stay in use: {reason}");

    /// <summary>A member of etcd was asked for work and did not do it.</summary>
    public void EtcdDoesNotServe(string endpoint, string reason) =>
        _write(LogLevel.Warning, 71, $"gateway: etcd at {endpoint} does not serve: {reason}");

    /// <summary>It does again.</summary>
    public void EtcdServesAgain(string endpoint) =>
        _write(LogLevel.Information, 72, $"gateway: etcd at {endpoint} serves again");

    /// <summary>Another member is used from now on.</summary>
    public void EtcdLeft(string endpoint, string other) =>
        _write(LogLevel.Warning, 73, $"gateway: goes on with etcd at {other} in place of {endpoint}; connections to that one are closed");

    /// <summary>There is none to go to.</summary>
    public void NoEtcdServes(long suppressed) =>
        _write(LogLevel.Error, 74, $"gateway: no endpoint of gateway.etcd.endpoints serves: look at etcd itself, such as with etcdctl endpoint health ({suppressed} more since the last line)");

    /// <summary>The gateway closed a connection of its own accord.</summary>
    public void GatewayConnectionEnded(string reason, long suppressed) =>
        _write(LogLevel.Warning, 70, $"gateway: closed a connection: {reason} ({suppressed} more since the last line)");

    private static string Time(long milliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
