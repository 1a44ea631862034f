using System.Globalization;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Doctor;

/// <summary>The lease under which an enclave uses KEKs of a broker.</summary>
internal static class LeaseCheck
{
    private const string Check = "lease";

    /// <summary>Judges a lease by the clock that the enclave goes by.</summary>
    internal static Finding Run(string socket, LeaseState lease)
    {
        // The text of a failure begins with its step.
        string failure = lease.FailedStep.Length == 0 || lease.Failure.StartsWith($"{lease.FailedStep}: ", StringComparison.Ordinal) ? lease.Failure : $"{lease.FailedStep}: {lease.Failure}";
        if (lease.Lease.Length == 0)
        {
            return Finding.Error(Check, socket, $"none of {lease.Broker} for KEK {lease.Kek}{(failure.Length > 0 ? $": {failure}" : ", it is being asked for")}",
                "it says which broker and what failed: name, connect, handshake, pin, time-out, its answer, or the enclave itself (\"fault\": its log has the place). What a broker refused is in its audit log too");
        }

        long left = (long)lease.Expires - (long)lease.Now;
        string seen = $"{lease.Lease} of {lease.Broker} for KEK {lease.Kek}, {Time(left)} left, {lease.WrapsLeft} wraps and {lease.UnwrapsLeft} unwraps";
        if (left <= 0)
        {
            return Finding.Error(Check, socket, $"over, writes have stopped, reads stop in {Time((long)lease.GraceEnd - (long)lease.Now)}; {failure}", "bring the broker back, or see why it refuses; the enclave goes on asking");
        }

        if (lease.WrapsLeft == 0 || lease.UnwrapsLeft == 0)
        {
            string stopped = lease.WrapsLeft > 0 ? "reads have stopped, writes go on" : lease.UnwrapsLeft > 0 ? "writes have stopped, reads go on" : "writes and reads have stopped";
            return Finding.Error(Check, socket, $"budget used up, {stopped}: {seen}; {failure}", "bring the broker back: a renewal brings a new budget. If it is there: find out who asks so often, or raise spec.lease in the policy");
        }

        if (lease.AuditWentBack > 0)
        {
            return Finding.Error(Check, socket, $"the broker's audit log went back, or was another: {seen}", "somebody changed the broker's database or put an old one back: compare the log with a copy, 'cloister audit verify --continues' (docs/audit-log.md)");
        }

        if (failure.Length > 0)
        {
            return Finding.Warning(Check, socket, $"not renewed: {failure}; {seen}", "see why the broker does not answer or refuses, before the time is over");
        }

        if (lease.Restored)
        {
            return Finding.Warning(Check, socket, $"from the sealed copy, no broker answered since the start: {seen}", "bring the broker back before the time is over");
        }

        return lease.KeepsSealedCopy
            ? Finding.Warning(Check, socket, $"a sealed copy is kept that survives a revocation: {seen}", "leave state.sealedLease out, unless starting while no broker answers is worth that to you (docs/sealed-keks.md)")
            : Finding.Ok(Check, socket, seen);
    }

    private static string Time(long milliseconds) => milliseconds <= 0 ? "0 s" : TimeSpan.FromMilliseconds(milliseconds) switch
    {
        { TotalMinutes: < 2 } span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s"),
        { TotalHours: < 2 } span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min"),
        var span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.0} h"),
    };
}
