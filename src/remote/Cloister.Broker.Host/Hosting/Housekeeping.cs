using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.Administration;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Serving;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// What a broker does unasked: watches the database for changes, wipes KEKs that are out of use, destroys key versions whose time has come, keeps commitments of those that
/// have none, looks whether rows are authentic, forgets old leases, signs audit
/// checkpoints, renews its certificates. Every broker of a database does it; doing it twice does no harm.
/// </summary>
internal sealed class Housekeeping : IAsyncDisposable
{
    private const int CheckpointEvery = 1_000;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LeasesKept = TimeSpan.FromDays(7);

    private readonly IBrokerState _state;
    private readonly CheckpointSigner _signer;
    private readonly CheckpointPublisher _publisher;
    private readonly int? _auditDays;
    private readonly BrokerAdministration _administration;
    private readonly IReadOnlyList<ServerCertificate> _certificates;
    private readonly RefusalLog _refusals;
    private readonly TimeProvider _clock;
    private readonly BrokerLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    /// <summary>Begins.</summary>
    public Housekeeping(
        IBrokerState state, CheckpointSigner signer, CheckpointPublisher publisher, int? auditDays, BrokerAdministration administration,
        IReadOnlyList<ServerCertificate> certificates, ChangeFeed feed, RefusalLog refusals, KekEviction eviction, TimeProvider clock, BrokerLog log)
    {
        (_signer, _publisher, _auditDays) = (signer, publisher, auditDays);
        (_state, _administration, _certificates, _refusals, _clock, _log) = (state, administration, certificates, refusals, clock, log);
        state.SignCheckpoints(signer.Sign, CheckpointEvery, publisher.OnSigned);
        _work = Task.WhenAll(feed.RunAsync(_stop.Token), eviction.RunAsync(_stop.Token), RunAsync());
    }

    /// <summary>Ends, with a checkpoint of everything until now.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _work;
        }
        catch (OperationCanceledException)
        {
            // It was told to.
        }

        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(1));
        await TryAsync("counting refused evidence", () => _refusals.FlushAsync(force: true, patience.Token));
        await TryAsync("signing an audit checkpoint", () => SignAsync(patience.Token));
        foreach (ServerCertificate certificate in _certificates)
        {
            certificate.Dispose();
        }

        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using PeriodicTimer timer = new(Interval);
        do
        {
            CancellationToken stop = _stop.Token;
            await TryAsync("destroying KEK versions", () => DestroyDueAsync(stop));
            await TryAsync("keeping commitments of KEK versions", () => _administration.KeepCommitmentsAsync(stop));
            await TryAsync("looking at the database's rows", () => _state.CheckRowsAsync(stop));
            await TryAsync("forgetting old leases", () => _state.PurgeLeasesAsync(_clock.GetUtcNow() - LeasesKept, stop));
            await TryAsync("counting refused evidence", () => _refusals.FlushAsync(force: false, stop));
            await TryAsync("signing an audit checkpoint", () => SignAsync(stop));
            await TryAsync("pruning the audit log", () => PruneAsync(stop));
            foreach (ServerCertificate certificate in _certificates)
            {
                certificate.RenewIfDue();
            }
        }
        while (await timer.WaitForNextTickAsync(_stop.Token));
    }

    private async Task SignAsync(CancellationToken cancellation)
    {
        try
        {
            await _state.CheckpointAsync(_signer.Sign, cancellation);
            _publisher.IsInConflict = false;
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.AuditConflict)
        {
            _publisher.IsInConflict = true;
            _log.AuditConflict(e.Message);
        }
    }

    private async Task PruneAsync(CancellationToken cancellation)
    {
        if (_auditDays is not { } days)
        {
            return;
        }

        int pruned;
        do
        {
            pruned = await _state.PruneAuditAsync(
                _clock.GetUtcNow().AddDays(-days), to => new AuditEvent(AuditVerifier.PrunedKind, new JsonObject { ["to"] = to, ["days"] = days }), cancellation);
            if (pruned > 0)
            {
                _log.AuditPruned(pruned);
            }
        }
        while (pruned > 0);
    }

    private async Task DestroyDueAsync(CancellationToken cancellation)
    {
        (int count, IReadOnlyList<string> problems) = await _administration.DestroyDueAsync(StoreTimeout, cancellation);
        if (count > 0)
        {
            _log.Destroyed(count);
        }

        foreach (string problem in problems)
        {
            _log.BackgroundFailed("destroying a KEK version", problem);
        }
    }

    private async Task TryAsync(string work, Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it is: the other work has to go on.
            _log.BackgroundFailed(work, e.Message);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
