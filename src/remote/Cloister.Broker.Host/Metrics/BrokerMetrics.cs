using Prometheus;

namespace Cloister.Broker.Host.Metrics;

/// <summary>
/// Everything that a broker counts and measures, for Prometheus (docs/metrics.md). No cluster, no KEK and no enclave is named; key_ids are hashed. Thread-safe. secrets: none.
/// </summary>
internal sealed class BrokerMetrics
{
    private const string Prefix = "cloister_broker_";

    private readonly CollectorRegistry _registry = Prometheus.Metrics.NewCustomRegistry();
    private readonly MetricFactory _factory;
    private readonly Counter _answers;
    private readonly Histogram _durations;
    private readonly Counter _evidence;
    private readonly Counter _leases;
    private readonly Histogram _store;

    /// <summary>Nothing counted yet.</summary>
    /// <param name="version">Of this program.</param>
    public BrokerMetrics(string version)
    {
        _factory = Prometheus.Metrics.WithCustomRegistry(_registry);
        _factory.CreateGauge("cloister_build_info", "A program and its version; without socket: the one that serves these metrics.", ["program", "version"]).WithLabels("cloister-broker", version).Set(1);
        _answers = Counter("answers_total", "Answers by route and result: ok, gone (the client left), or the name of an error.", "route", "result");
        _durations = Histogram("answer_duration_seconds", "How long answers took, by route.", Prometheus.Histogram.ExponentialBuckets(0.001, 2, 14), "route");
        _evidence = Counter("evidence_total", "Evidence by TEE, policy (empty: none was asked), result (accepted, refused, denied) and the step that failed.", "tee", "policy", "result", "step");
        _leases = Counter("leases_total", "Leases that were given, by what they were: granted or renewed.", "result");
        _store = Histogram("store_duration_seconds", "How long the database took for a read, and for a commit of all writes that waited.", Prometheus.Histogram.ExponentialBuckets(0.00025, 2, 15), "operation");
        foreach (string result in new[] { "granted", "renewed" })
        {
            _leases.WithLabels(result);
        }
    }

    /// <summary>Counts an answer: <c>ok</c>, <c>gone</c> or the name of an error.</summary>
    public void Answered(string route, string result, TimeSpan took)
    {
        _answers.WithLabels(route, result).Inc();
        _durations.WithLabels(route).Observe(took.TotalSeconds);
    }

    /// <summary>Counts evidence.</summary>
    public void Evidence(string tee, string policy, string result, string step) => _evidence.WithLabels(tee, policy, result, step).Inc();

    /// <summary>Counts a lease.</summary>
    public void Leased(bool renewed) => _leases.WithLabels(renewed ? "renewed" : "granted").Inc();

    /// <summary>Takes the time of a read or a commit.</summary>
    public void Stored(string operation, TimeSpan took) => _store.WithLabels(operation).Observe(took.TotalSeconds);

    /// <summary>A gauge under this broker's prefix.</summary>
    public Gauge Gauge(string name, string help, params string[] labels) => _factory.CreateGauge(Prefix + name, help, labels);

    /// <summary>A counter under this broker's prefix.</summary>
    public Counter Counter(string name, string help, params string[] labels) => _factory.CreateCounter(Prefix + name, help, labels);

    /// <summary>A gauge under the prefix that every program's certificates have.</summary>
    public Gauge Certificates() => _factory.CreateGauge("cloister_certificate_expires_timestamp_seconds", "When a certificate ends, Unix time; of authorities the one that ends first.", ["certificate"]);

    /// <summary>Called before each scrape.</summary>
    public void BeforeScrape(Action refresh) => _registry.AddBeforeCollectCallback(refresh);

    /// <summary>Writes all of it in Prometheus' text format.</summary>
    public Task WriteAsync(Stream output, CancellationToken cancellation) => _registry.CollectAndExportAsTextAsync(output, cancellation);

    /// <summary>Sets the samples of a gauge with labels to these, and no others.</summary>
    public static void Replace(Gauge gauge, IEnumerable<(string[] Labels, double Value)> samples)
    {
        (string[] Labels, double Value)[] all = [.. samples];
        foreach (string[] old in gauge.GetAllLabelValues().Where(old => !Array.Exists(all, one => one.Labels.SequenceEqual(old))).ToList())
        {
            gauge.RemoveLabelled(old);
        }

        foreach ((string[] labels, double value) in all)
        {
            gauge.WithLabels(labels).Set(value);
        }
    }

    private Histogram Histogram(string name, string help, double[] buckets, params string[] labels) =>
        _factory.CreateHistogram(Prefix + name, help, labels, new HistogramConfiguration { Buckets = buckets });
}
