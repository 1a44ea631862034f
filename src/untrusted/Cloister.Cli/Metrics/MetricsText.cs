using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Metrics;

/// <summary>The state of enclaves in Prometheus' text format (docs/metrics.md). Nothing here is secret: key_ids are hashed to join with the API server's metrics.</summary>
internal static class MetricsText
{
    private static readonly string Version = typeof(MetricsText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    private static readonly string[] Reasons =
        ["Ok", "NoKek", "NoActiveVersion", "NoLease", "LeaseOver", "Revoked", "NoWraps", "NoUnwraps", "NotReleased", "KmsRefuses", "KmsSilent", "Fault"];

    /// <summary>The text.</summary>
    /// <param name="enclaves">Admin sockets, and the state behind each; null: it does not answer.</param>
    internal static string Write(IReadOnlyList<(string Socket, EnclaveState? State)> enclaves)
    {
        PrometheusText text = new();
        Write(text, enclaves);
        return text.ToString();
    }

    internal static void Write(PrometheusText text, IReadOnlyList<(string Socket, EnclaveState? State)> enclaves)
    {
        text.Gauge("cloister_up", "The enclave answers on its admin socket.", enclaves.Select(e => (Label("socket", e.Socket), e.State is null ? 0.0 : 1)));
        List<(string Labels, EnclaveState State)> alive = [.. enclaves.Where(e => e.State is not null).Select(e => (Label("socket", e.Socket), e.State!))];
        BuildInfo(text, "cloister-metrics", alive.Select(e => ($"{e.Labels},{PrometheusText.Labels(("program", "cloister-enclave"), ("version", e.State.Version))}", 1.0)));
        text.Gauge("cloister_healthy", "Status is ok: an API server may write.", alive.Select(e => (e.Labels, e.State.Health == "ok" ? 1.0 : 0)));
        text.Gauge("cloister_status_reason", "1 for the reason why Status is as it is; 0 for the others.", alive.Where(e => e.State.Reason.Length > 0).SelectMany(e => Reasons
            .Select(reason => ($"{e.Labels},{Label("reason", Snake(reason))}", reason == e.State.Reason ? 1.0 : 0))));
        text.Gauge("cloister_info", "What the enclave is.", alive.Select(e =>
            ($"{e.Labels},{PrometheusText.Labels(("tee", e.State.Tee), ("custody", e.State.Custody), ("cluster", e.State.Cluster), ("provider", e.State.Provider))}", 1.0)));
        text.Gauge("cloister_keys_locked_in_memory", "Keys cannot be swapped out in clear.", alive.Select(e => (e.Labels, e.State.MemoryProtection.Contains("KEYS NOT LOCKED", StringComparison.Ordinal) ? 0.0 : 1)));
        text.Gauge("cloister_active_key_info", "The KEK that writes use; key_id_hash as in apiserver_envelope_encryption_key_id_hash_total.", alive
            .Where(e => e.State.ActiveKeyId.Length > 0)
            .Select(e => ($"{e.Labels},{Label("key_id_hash", Hash(e.State.ActiveKeyId))}", 1.0)));
        text.Gauge("cloister_keks", "KEK versions held (custody manual).", alive.Select(e => (e.Labels, (double)e.State.Keks.Count)));
        LeaseMetrics.Write(text, [.. alive.Where(e => e.State.Lease is not null).SelectMany(e => e.State.MoreLeases
            .Select(more => ($"{e.Labels},{Label("kek", more.Kek)}", more))
            .Prepend((e.Labels, e.State.Lease)))]);
        Calls(text, alive);
        EnclaveCounters.Write(text, alive);
    }

    /// <summary>Which programs these are.</summary>
    internal static void BuildInfo(PrometheusText text, string program, params IEnumerable<(string Labels, double Value)> more) =>
        text.Gauge("cloister_build_info", "A program and its version; without socket: the one that serves these metrics.", more.Prepend((PrometheusText.Labels(("program", program), ("version", Version)), 1.0)));

    /// <summary>A key_id as API servers export it.</summary>
    internal static string Hash(string keyId) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(keyId)))}";

    private static void Calls(PrometheusText text, List<(string Labels, EnclaveState State)> alive)
    {
        List<(string Labels, Calls Calls)> calls = [.. alive.SelectMany(e => e.State.Calls.Select(one => ($"{e.Labels},{PrometheusText.Labels(("role", one.Role), ("method", one.Method))}", one)))];
        text.Counter("cloister_requests_total", "Calls by socket (kms, secrets, admin), method and gRPC status.", calls.SelectMany(e => e.Calls.Codes
            .Select(code => ($"{e.Labels},{Label("code", code.Name == "Ok" ? "OK" : code.Name)}", (double)code.Value))));
        text.Histogram("cloister_request_duration_seconds", "How long the handlers of calls took.", calls.Select(e => Series(e.Labels, e.Calls.Durations)));
        Durations(text, alive, "gateway_call", "cloister_gateway_call_duration_seconds", "How long calls through the gateway took, until their last byte was sent; watches are not in it.");
        Durations(text, alive, "gateway_etcd", "cloister_gateway_etcd_duration_seconds", "How long etcd took for these, from when it was asked to when its answer began.");
    }

    private static void Durations(PrometheusText text, List<(string Labels, EnclaveState State)> alive, string source, string name, string help) => text.Histogram(
        name, help, alive.SelectMany(e => e.State.Durations.Where(one => one.Name == source).Select(one => Series(e.Labels, one))));

    // The enclave has whole microseconds, and counts what is less than a bound.
    private static (string Labels, double Sum, IReadOnlyList<(double Bound, double Count)> Counts) Series(string labels, Durations? durations) => (
        labels,
        (durations?.Sum ?? 0) / 1e6,
        [.. (durations?.Counts ?? []).Select(one => (Bound(one.Name), (double)one.Value)).Where(one => one.Item1 > 0)]);

    private static double Bound(string name) => name == "inf" ? double.PositiveInfinity
        : long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) ? microseconds / 1e6 : 0;

    private static string Label(string name, string value) => PrometheusText.Labels((name, value));

    private static string Snake(string words) => string.Concat(words.Select((c, i) => char.IsAsciiLetterUpper(c) && i > 0 ? $"_{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
