using System.Globalization;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The leases under which an enclave uses KEKs of a broker, judged by the clock that the enclave goes by.</summary>
internal static class LeaseChecks
{
    private const string Document = "docs/broker-protocol.md";
    private const ulong FewUses = 100;

    private static readonly TimeSpan ClocksApart = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ClocksFarApart = TimeSpan.FromMinutes(10);

    internal static IReadOnlyList<Check> All { get; } =
    [
        Of("broker-lease", "there is a lease, and it lasts", (_, socket, lease) => Held(socket, lease)),
        Of("broker-renewal", "the last renewal succeeded", (_, socket, lease) => Renewal(socket, lease)),
        Check.Each("broker-contact", DoctorPhase.Cluster, "the enclave reaches every broker", Document, scope => scope.EnclavesAsync(), (_, enclave) => enclave.Leases.SelectMany(lease => Contact(enclave.Socket, lease))),
        Of("broker-budget", "wraps and unwraps are left", (_, socket, lease) => Budget(socket, lease)),
        Of("broker-clock", "enclave, broker and this machine have one time", (scope, socket, lease) => Clock(socket, lease, scope.Now)),
        Of("broker-audit", "the broker's audit log only grows", (_, socket, lease) => Audit(socket, lease)),
        Of("broker-sealed-copy", "KEKs come from the broker, not from a sealed copy", (_, socket, lease) => SealedCopy(socket, lease)),
    ];

    private static Check Of(string id, string title, Func<DoctorScope, string, LeaseState, Finding?> run) => Check.Each(
        id, DoctorPhase.Cluster, title, Document, scope => scope.EnclavesAsync(), (scope, enclave) => enclave.Leases.Select(lease => run(scope, enclave.Socket, lease)).OfType<Finding>());

    internal static Finding Held(string socket, LeaseState lease)
    {
        if (lease.Lease.Length == 0)
        {
            return Finding.Error(socket, $"none of {lease.Broker} for KEK {lease.Kek}{(Failure(lease).Length > 0 ? $": {Failure(lease)}" : ", it is being asked for")}",
                "it says which broker and what failed: name, connect, handshake, pin, time-out, its answer, or the enclave itself (\"fault\": its log has the place). What a broker refused is in its audit log too", "cloister audit tail --context FILE");
        }

        long left = (long)lease.Expires - (long)lease.Now;
        return left > 0
            ? Finding.Ok(socket, $"{lease.Lease} of {lease.Broker} for KEK {lease.Kek}, {Time(left)} left")
            : Finding.Error(socket, $"over, writes have stopped, reads stop in {Time((long)lease.GraceEnd - (long)lease.Now)}; {Failure(lease)}", "bring the broker back, or see why it refuses; the enclave goes on asking", "cloister audit tail --context FILE");
    }

    internal static Finding Renewal(string socket, LeaseState lease) => Failure(lease) is { Length: > 0 } failure
        ? Finding.Warn(socket, $"not renewed: {failure}", "see why the broker does not answer or refuses, before the time is over", "cloister audit tail --context FILE")
        : Finding.Ok(socket, lease.Broker);

    internal static IEnumerable<Finding> Contact(string socket, LeaseState lease)
    {
        bool none = lease.Brokers.Count > 0 && lease.Brokers.All(broker => broker.Failing);
        return lease.Brokers.Where(broker => broker.Answered || broker.Failing).Select(broker => !broker.Failing
            ? Finding.Ok(socket, $"{broker.Broker} answered {Time((long)broker.Silent)} ago")
            : new Finding(none ? CheckState.Error : CheckState.Warn, socket, $"{broker.Broker} {broker.Failure}{(broker.Answered ? $", last answered {Time((long)broker.Silent)} ago" : ", has not answered since the start")}",
                none ? "no broker is there: bring one back before the lease is over" : "the enclave uses another one: bring this one back while that lasts", "systemctl status cloister-broker"));
    }

    internal static Finding? Budget(string socket, LeaseState lease)
    {
        if (lease.Lease.Length == 0)
        {
            return null;
        }

        string seen = $"{lease.WrapsLeft} wraps and {lease.UnwrapsLeft} unwraps";
        if (lease.WrapsLeft == 0 || lease.UnwrapsLeft == 0)
        {
            string stopped = lease.WrapsLeft > 0 ? "reads have stopped, writes go on" : lease.UnwrapsLeft > 0 ? "writes have stopped, reads go on" : "writes and reads have stopped";
            return Finding.Error(socket, $"budget used up, {stopped}: {seen}", "bring the broker back: a renewal brings a new budget. If it is there: find out who asks so often, or raise spec.lease in the policy");
        }

        return Finding.WarnUnless(lease.WrapsLeft >= FewUses && lease.UnwrapsLeft >= FewUses, socket, seen, "a renewal brings a new budget; find out who asks so often, or raise spec.lease in the policy");
    }

    internal static Finding? Clock(string socket, LeaseState lease, DateTimeOffset now)
    {
        if (lease.Now == 0)
        {
            return null;
        }

        TimeSpan apart = (now - DateTimeOffset.FromUnixTimeMilliseconds((long)lease.Now)).Duration();
        string seen = $"{apart.TotalSeconds:0} s between the time that the enclave goes by, which the broker signed, and this machine's";
        const string Fix = "set the clock of this machine, or of the broker's: certificates and tokens have times";
        return apart >= ClocksFarApart ? Finding.Error(socket, seen, Fix, "timedatectl status") : Finding.WarnUnless(apart < ClocksApart, socket, seen, Fix, "timedatectl status");
    }

    internal static Finding Audit(string socket, LeaseState lease) => Finding.ErrorUnless(
        lease.AuditWentBack == 0, socket, lease.AuditWentBack == 0 ? $"{lease.AuditSize} entries" : "the broker's audit log went back, or was another",
        "somebody changed the broker's database or put an old one back: compare the log with a copy (docs/audit-log.md)", "cloister audit verify FILE --pin PIN --continues EARLIER");

    internal static Finding? SealedCopy(string socket, LeaseState lease) => lease switch
    {
        { Lease.Length: 0 } => null,
        { Restored: true } => Finding.Warn(socket, "from the sealed copy, no broker answered since the start", "bring the broker back before the time is over"),
        { KeepsSealedCopy: true } => Finding.Warn(socket, "a sealed copy is kept that survives a revocation", "leave state.sealedLease out, unless starting while no broker answers is worth that to you (docs/sealed-keks.md)"),
        _ => Finding.Ok(socket, "none is kept"),
    };

    // The text of a failure begins with its step.
    private static string Failure(LeaseState lease) =>
        lease.FailedStep.Length == 0 || lease.Failure.StartsWith($"{lease.FailedStep}: ", StringComparison.Ordinal) ? lease.Failure : $"{lease.FailedStep}: {lease.Failure}";

    private static string Time(long milliseconds) => milliseconds <= 0 ? "0 s" : TimeSpan.FromMilliseconds(milliseconds) switch
    {
        { TotalMinutes: < 2 } span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s"),
        { TotalHours: < 2 } span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min"),
        var span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.0} h"),
    };
}
