using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Metrics;

/// <summary>The state of enclaves in Prometheus' text format. Nothing here is secret: key_ids are hashed only to join with the API server's metrics.</summary>
internal static class MetricsText
{
    internal const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // What an enclave counts from its start; everything else it reports goes up and down.
    private static readonly string[] Counters = ["encryptions", "decryptions", "failures", "remote_calls", "connections_refused", "connections_gave_way", "requests_gave_way"];

    // Alerts are about these, also where there is no gateway yet.
    private static readonly string[] Alarms = ["gateway_values_undecryptable", "gateway_values_kek_absent"];

    /// <summary>The text.</summary>
    /// <param name="enclaves">Admin sockets, and the state behind each; null: it does not answer.</param>
    internal static string Write(IReadOnlyList<(string Socket, EnclaveState? State)> enclaves)
    {
        StringBuilder text = new();
        Family(text, "cloister_up", "gauge", "The enclave answers on its admin socket.", enclaves.Select(e => (Label("socket", e.Socket), e.State is null ? 0.0 : 1)));
        List<(string Labels, EnclaveState State)> alive = [.. enclaves.Where(e => e.State is not null).Select(e => (Label("socket", e.Socket), e.State!))];
        Family(text, "cloister_healthy", "gauge", "Status is ok: an API server may write.", alive.Select(e => (e.Labels, e.State.Health == "ok" ? 1.0 : 0)));
        Family(text, "cloister_info", "gauge", "What the enclave is.", alive.Select(e => ($"{e.Labels},{Label("tee", e.State.Tee)},{Label("custody", e.State.Custody)},{Label("cluster", e.State.Cluster)},{Label("provider", e.State.Provider)}", 1.0)));
        Family(text, "cloister_keys_locked_in_memory", "gauge", "Keys cannot be swapped out in clear.", alive.Select(e => (e.Labels, e.State.MemoryProtection.Contains("KEYS NOT LOCKED", StringComparison.Ordinal) ? 0.0 : 1)));
        Family(text, "cloister_active_key_info", "gauge", "The KEK that writes use; key_id_hash as in apiserver_envelope_encryption_key_id_hash_total.", alive
            .Where(e => e.State.ActiveKeyId.Length > 0)
            .Select(e => ($"{e.Labels},{Label("key_id_hash", Hash(e.State.ActiveKeyId))}", 1.0)));
        Family(text, "cloister_keks", "gauge", "KEK versions held (custody manual).", alive.Select(e => (e.Labels, (double)e.State.Keks.Count)));
        Leases(text, [.. alive.Where(e => e.State.Lease is not null).SelectMany(e => e.State.MoreLeases
            .Select(more => ($"{e.Labels},{Label("kek", more.Kek)}", more))
            .Prepend((e.Labels, e.State.Lease)))]);
        foreach (string name in alive.SelectMany(e => e.State.Counters.Select(counter => counter.Name)).Where(IsName).Concat(Alarms).Distinct().Order(StringComparer.Ordinal))
        {
            bool counts = Counters.Contains(name);
            Family(text, $"cloister_{name}{(counts ? "_total" : "")}", counts ? "counter" : "gauge", counts ? "Since the start of the enclave." : "Now.", alive
                .SelectMany(e => e.State.Counters.Where(counter => counter.Name == name).Select(counter => (e.Labels, (double)counter.Value))));
        }

        return text.ToString();
    }

    /// <summary>A key_id as API servers export it.</summary>
    internal static string Hash(string keyId) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(keyId)))}";

    // Times in a lease are the broker's; what is left is counted by the clock that the enclave goes by.
    private static void Leases(StringBuilder text, List<(string Labels, LeaseState Lease)> leases)
    {
        Family(text, "cloister_lease_held", "gauge", "There is a lease of a broker.", leases.Select(e => (e.Labels, e.Lease.Lease.Length > 0 ? 1.0 : 0)));
        Family(text, "cloister_lease_renewal_failing", "gauge", "The last attempt to get or renew a lease failed.", leases.Select(e => (e.Labels, e.Lease.FailedStep.Length + e.Lease.Failure.Length > 0 ? 1.0 : 0)));
        Family(text, "cloister_broker_audit_size", "gauge", "Entries of the broker's audit log, as the last lease says.", leases.Select(e => (e.Labels, (double)e.Lease.AuditSize)));
        Family(text, "cloister_broker_audit_went_back_total", "counter", "How often the broker's audit log went back or was another.", leases.Select(e => (e.Labels, (double)e.Lease.AuditWentBack)));
        List<(string Labels, BrokerReach Broker)> brokers = [.. leases.SelectMany(e => e.Lease.Brokers.Where(one => one.Answered || one.Failing).DistinctBy(one => one.Broker).Select(one => ($"{e.Labels},{Label("broker", one.Broker)}", one)))];
        Family(text, "cloister_broker_reachable", "gauge", "The last attempt at the broker was answered; each is asked at least once a minute.", brokers.Select(e => (e.Labels, e.Broker.Failing ? 0.0 : 1)));
        Family(text, "cloister_broker_silent_seconds", "gauge", "Since the broker's last answer.", brokers.Where(e => e.Broker.Answered).Select(e => (e.Labels, (double)e.Broker.Silent / 1000)));
        List<(string Labels, LeaseState Lease)> held = [.. leases.Where(e => e.Lease.Lease.Length > 0)];
        Family(text, "cloister_lease_seconds_left", "gauge", "Until writes stop; negative after it.", held.Select(e => (e.Labels, ((double)e.Lease.Expires - e.Lease.Now) / 1000)));
        Family(text, "cloister_lease_wraps_left", "gauge", "Encryptions until the next renewal.", held.Select(e => (e.Labels, (double)e.Lease.WrapsLeft)));
        Family(text, "cloister_lease_unwraps_left", "gauge", "Decryptions until the next renewal.", held.Select(e => (e.Labels, (double)e.Lease.UnwrapsLeft)));
        Family(text, "cloister_lease_restored", "gauge", "The lease is of the sealed copy: no broker answered since the start.", held.Select(e => (e.Labels, e.Lease.Restored ? 1.0 : 0)));
    }

    private static void Family(StringBuilder text, string name, string type, string help, IEnumerable<(string Labels, double Value)> samples)
    {
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        foreach ((string labels, double value) in samples)
        {
            text.Append(name).Append('{').Append(labels).Append("} ").Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }

    private static string Label(string name, string value) =>
        $"{name}=\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    // An enclave's counters become names of metrics: nothing else may.
    private static bool IsName(string name) => name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');
}
