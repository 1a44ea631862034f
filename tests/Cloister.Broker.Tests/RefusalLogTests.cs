using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.Host.Serving;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Tests;

public sealed class RefusalLogTests
{
    private readonly ListedAudit _audit = new();
    private readonly MovableClock _clock = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheFirstOfAKindAreLoggedAndTheOthersCountedAtTheEndOfTheWindow()
    {
        RefusalLog log = new(_audit, _clock);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(i < RefusalLog.EachOfAKind, await RecordAsync(log, "192.0.2.1", "report_data"));
        }

        Assert.True(await RecordAsync(log, "192.0.2.2", "report_data"));
        Assert.Equal(RefusalLog.EachOfAKind + 1, _audit.Entries.Count);
        _clock.Now += RefusalLog.Window;
        await log.FlushAsync(force: false, Cancellation);
        (string kind, JsonObject details) = _audit.Entries[^1];
        Assert.Equal(("evidence.refusals", "192.0.2.1", "report_data", 95L), (kind, (string)details["source"]!, (string)details["step"]!, (long)details["count"]!));
        Assert.Equal(RefusalLog.EachOfAKind + 2, _audit.Entries.Count);

        // A new window: one by one again.
        Assert.True(await RecordAsync(log, "192.0.2.1", "report_data"));
    }

    [Fact]
    public async Task WhateverSourcesAndReasonsThereAreAWindowHasSoManyEntries()
    {
        RefusalLog log = new(_audit, _clock);
        for (int i = 0; i < 20_000; i++)
        {
            await RecordAsync(log, $"10.{i / 256}.{i % 256}.1", $"step{i % 7}");
        }

        await log.FlushAsync(force: true, Cancellation);
        Assert.InRange(_audit.Entries.Count, 2, 170);
        long counted = _audit.Entries.Where(entry => entry.Kind == "evidence.refusals").Sum(entry => (long)entry.Details["count"]!);
        Assert.Equal(20_000, counted + _audit.Entries.Count(entry => entry.Kind == "evidence.refused"));
    }

    private static Task<bool> RecordAsync(RefusalLog log, string source, string step) =>
        log.RecordAsync(new RefusalLog.Kind("evidence.refused", source, "sgx", step, "code"), [], Cancellation);

    private sealed class ListedAudit : IAuditLog
    {
        public List<(string Kind, JsonObject Details)> Entries { get; } = [];

        public Task<AuditEntry> AppendAsync(AuditEvent auditEvent, CancellationToken cancellation)
        {
            Entries.Add((auditEvent.Kind, auditEvent.Details));
            return Task.FromResult<AuditEntry>(null!);
        }

        public AuditHead? Head => null;

        public Task ContinueAsync(AuditTree remembered, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<AuditTree> AcceptAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task<AuditFinding> FindAuditAsync(AuditQuery query, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<AuditEntry>> ListRecoveryActsAsync(int most, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<AuditCheckpoint?> LastCheckpointAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task CosignAsync(AuditCheckpoint checkpoint, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<byte[]>> ProveAsync(long smaller, long larger, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<int> PruneAuditAsync(DateTimeOffset before, Func<long, AuditEvent> log, CancellationToken cancellation) => throw new NotSupportedException();

        public IAsyncEnumerable<AuditLine> ExportAuditAsync(long fromSeq, CancellationToken cancellation) => throw new NotSupportedException();

        public void SignCheckpoints(AuditSigner signer, int everyEntries, Action<AuditCheckpoint, AuditTree>? signed = null) => throw new NotSupportedException();

        public Task<AuditCheckpoint?> CheckpointAsync(AuditSigner signer, CancellationToken cancellation) => throw new NotSupportedException();

        public IAsyncEnumerable<AuditEntry> ReadAuditAsync(long fromSeq, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<AuditCheckpoint>> ListCheckpointsAsync(CancellationToken cancellation) => throw new NotSupportedException();
    }
}
