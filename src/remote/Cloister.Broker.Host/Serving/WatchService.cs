using Cloister.Broker.State.Keks;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>Waits for changes on behalf of enclaves (docs/broker-protocol.md, "Watch"). Thread-safe.</summary>
internal sealed class WatchService(ChangeFeed feed, RevocationList revocations, IKekRegistry keks, CancellationToken stopping)
{
    private const int MaxWaitSeconds = 60;

    /// <summary>Answers when the etag differs, when it changes, after the wait, or when the broker stops.</summary>
    /// <exception cref="ProtocolException">Revoked, or not well-formed.</exception>
    public async Task<WatchResponse> WaitAsync(VerifiedToken token, TokenLease lease, WatchRequest request, CancellationToken cancellation)
    {
        if (request.WaitSeconds is < 0 or > MaxWaitSeconds)
        {
            throw new ProtocolException(ProtocolError.BadRequest, $"waitSeconds: 0 to {MaxWaitSeconds}");
        }

        using IDisposable following = feed.Follow(lease.Kek);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stopping);
        end.CancelAfter(TimeSpan.FromSeconds(request.WaitSeconds));

        // The first look asks the database; later ones use what the feed has found.
        Task change = feed.NextChange;
        RevocationList.Snapshot revoked = await revocations.CurrentAsync(cancellation);
        string? etag = await keks.FindKekEtagAsync(lease.Kek, cancellation);
        while (true)
        {
            revoked.Check(lease.Instance, token.Subject.Measurement, token.Subject.Platforms, lease.Kek);
            if (etag != request.Etag)
            {
                return new WatchResponse(etag ?? "", true);
            }

            try
            {
                await change.WaitAsync(end.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return new WatchResponse(request.Etag, false);
            }

            change = feed.NextChange;
            revoked = feed.Revocations ?? revoked;
            etag = feed.EtagOf(lease.Kek) ?? etag;
        }
    }
}
