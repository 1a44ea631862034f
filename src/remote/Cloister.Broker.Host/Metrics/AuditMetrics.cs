using Cloister.Broker.Host.Audit;
using Prometheus;

namespace Cloister.Broker.Host.Metrics;

/// <summary>How far the audit log is, and what became of its checkpoints, as metrics.</summary>
internal sealed class AuditMetrics
{
    private readonly Gauge _size;
    private readonly Gauge _conflict;
    private readonly Gauge _exported;
    private readonly Gauge _exportedAt;
    private readonly Counter _failures;

    /// <summary>Makes them, refreshed by each scrape.</summary>
    public AuditMetrics(BrokerMetrics metrics, CheckpointPublisher publisher)
    {
        _size = metrics.Gauge("audit_size", "Entries of the audit log, as far as this broker knows.");
        _conflict = metrics.Gauge("audit_conflict", "The audit log does not go on from what this broker has seen of it: nothing is written to it.");
        _exported = metrics.Gauge("audit_exported_size", "Entries that the newest checkpoint covers that got there.", "to");
        _exportedAt = metrics.Gauge("audit_exported_timestamp_seconds", "When a checkpoint got there last, seconds since 1970; 0: never.", "to");
        _failures = metrics.Counter("audit_export_failures_total", "Attempts that failed.", "to");
        metrics.BeforeScrape(() => Set(publisher));
    }

    private void Set(CheckpointPublisher publisher)
    {
        _size.Set(publisher.Size);
        _conflict.Set(publisher.IsInConflict ? 1 : 0);
        foreach ((string to, CheckpointPublisher.Delivery delivery) in publisher.Deliveries)
        {
            _exported.WithLabels(to).Set(delivery.Size);
            _exportedAt.WithLabels(to).Set(delivery.At);
            _failures.WithLabels(to).IncTo(delivery.Failures);
        }
    }
}
