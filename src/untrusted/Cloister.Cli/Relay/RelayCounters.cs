using Cloister.Cli.Metrics;

namespace Cloister.Cli.Relay;

/// <summary>What a relay did, for Prometheus. Thread-safe.</summary>
internal sealed class RelayCounters
{
    private static readonly string[] Refusals = ["limit", "uid"];
    private static readonly string[] Failures = ["connect", "tls", "timeout", "cut"];

    private readonly long[] _refused = new long[Refusals.Length];
    private readonly long[] _failed = new long[Failures.Length];
    private long _taken;
    private long _open;
    private long _toTarget;
    private long _fromTarget;

    internal void Taken()
    {
        Interlocked.Increment(ref _taken);
        Interlocked.Increment(ref _open);
    }

    internal void Ended() => Interlocked.Decrement(ref _open);

    internal void Refused(string reason) => Interlocked.Increment(ref _refused[Refusals.IndexOf(reason)]);

    internal void TargetFailed(string reason) => Interlocked.Increment(ref _failed[Failures.IndexOf(reason)]);

    internal void ToTarget(int bytes) => Interlocked.Add(ref _toTarget, bytes);

    internal void FromTarget(int bytes) => Interlocked.Add(ref _fromTarget, bytes);

    /// <summary>Prometheus' text format.</summary>
    internal string Text()
    {
        PrometheusText text = new();
        MetricsText.BuildInfo(text, "cloister-relay");
        text.Counter("cloister_relay_connections_total", "Connections that it took.", ("", Volatile.Read(ref _taken)));
        text.Gauge("cloister_relay_connections_open", "Connections that are open.", ("", Volatile.Read(ref _open)));
        text.Counter("cloister_relay_connections_refused_total", "Connections that it closed: by uid, or because --max-connections are open.", Labelled("reason", Refusals, _refused));
        text.Counter(
            "cloister_relay_target_failures_total", "Connections that the target did not take: not there (connect), no TLS (tls), no answer in time (timeout), closed without a word (cut).",
            Labelled("reason", Failures, _failed));
        text.Counter(
            "cloister_relay_bytes_total", "Bytes that it passed on, by where to.",
            (PrometheusText.Labels(("to", "target")), Volatile.Read(ref _toTarget)), (PrometheusText.Labels(("to", "client")), Volatile.Read(ref _fromTarget)));
        return text.ToString();
    }

    private static IEnumerable<(string Labels, double Value)> Labelled(string label, string[] names, long[] counts) =>
        names.Select((name, i) => (PrometheusText.Labels((label, name)), (double)Volatile.Read(ref counts[i])));
}
