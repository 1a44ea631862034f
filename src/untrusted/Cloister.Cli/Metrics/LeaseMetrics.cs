using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Metrics;

/// <summary>Leases of brokers as metrics. Times in a lease are the broker's; what is left is counted by the clock that the enclave goes by.</summary>
internal static class LeaseMetrics
{
    /// <summary>Writes them.</summary>
    /// <param name="text">Where.</param>
    /// <param name="leases">With the labels of each.</param>
    internal static void Write(PrometheusText text, IReadOnlyList<(string Labels, LeaseState Lease)> leases)
    {
        text.Gauge("cloister_lease_held", "There is a lease of a broker.", leases.Select(e => (e.Labels, e.Lease.Lease.Length > 0 ? 1.0 : 0)));
        text.Gauge("cloister_lease_renewal_failing", "The last attempt to get or renew a lease failed.", leases.Select(e => (e.Labels, e.Lease.FailedStep.Length + e.Lease.Failure.Length > 0 ? 1.0 : 0)));
        text.Counter("cloister_lease_renewals_total", "Leases that were granted or renewed.", leases.Select(e => (e.Labels, (double)e.Lease.Renewals)));
        text.Counter("cloister_lease_renewal_failures_total", "Attempts to get or renew a lease that failed, by the step that failed.", leases.SelectMany(e => e.Lease.Failures
            .Select(failure => ($"{e.Labels},{PrometheusText.Labels(("step", failure.Name))}", (double)failure.Value))));
        text.Gauge("cloister_lease_audit_size", "Entries of the broker's audit log, as the last lease says.", leases.Select(e => (e.Labels, (double)e.Lease.AuditSize)));
        text.Counter("cloister_lease_audit_went_back_total", "How often the broker's audit log went back or was another.", leases.Select(e => (e.Labels, (double)e.Lease.AuditWentBack)));
        List<(string Labels, BrokerReach Broker)> brokers = [.. leases.SelectMany(e => e.Lease.Brokers
            .Where(one => one.Answered || one.Failing).DistinctBy(one => one.Broker).Select(one => ($"{e.Labels},{PrometheusText.Labels(("broker", one.Broker))}", one)))];
        text.Gauge("cloister_broker_reachable", "The last attempt at the broker was answered; each is asked at least once a minute.", brokers.Select(e => (e.Labels, e.Broker.Failing ? 0.0 : 1)));
        text.Gauge("cloister_broker_silent_seconds", "Since the broker's last answer.", brokers.Where(e => e.Broker.Answered).Select(e => (e.Labels, (double)e.Broker.Silent / 1000)));
        List<(string Labels, LeaseState Lease)> held = [.. leases.Where(e => e.Lease.Lease.Length > 0)];
        text.Gauge("cloister_lease_seconds_left", "Until writes stop; negative after it.", held.Select(e => (e.Labels, ((double)e.Lease.Expires - e.Lease.Now) / 1000)));
        text.Gauge("cloister_lease_grace_seconds_left", "Until reads stop as well and KEKs are wiped.", held.Select(e => (e.Labels, ((double)e.Lease.GraceEnd - e.Lease.Now) / 1000)));
        text.Gauge("cloister_lease_wraps_left", "Encryptions until the next renewal.", held.Select(e => (e.Labels, (double)e.Lease.WrapsLeft)));
        text.Gauge("cloister_lease_unwraps_left", "Decryptions until the next renewal.", held.Select(e => (e.Labels, (double)e.Lease.UnwrapsLeft)));
        text.Gauge("cloister_lease_restored", "The lease is of the sealed copy: no broker answered since the start.", held.Select(e => (e.Labels, e.Lease.Restored ? 1.0 : 0)));
    }
}
