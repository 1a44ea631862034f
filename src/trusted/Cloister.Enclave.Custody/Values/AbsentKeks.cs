using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Custody.Values;

/// <summary>
/// The KEKs that stored values need and that are not here. Another enclave may have got a new one first: then this one lags behind, is told to
/// ask for it, and callers may try again. After a while they are told what to do instead. Bounded. Thread-safe. secrets: none.
/// </summary>
internal sealed class AbsentKeks(ICustody custody, TimeProvider time)
{
    // Whoever writes etcd can name as many KEKs as he likes.
    private const int MaxNamed = 64;

    private static readonly TimeSpan Lag = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenRenewals = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<KeyFingerprint, long> _firstMissed = [];
    private long? _renewedAt;

    /// <summary>What a call fails with.</summary>
    /// <param name="kek">The KEK that is not here.</param>
    /// <param name="key">The etcd key whose value needs it, as text.</param>
    internal FailureException Refuse(KeyFingerprint kek, string key)
    {
        bool renew;
        bool lags;
        lock (_lock)
        {
            long now = time.GetTimestamp();
            renew = _renewedAt is not { } renewed || time.GetElapsedTime(renewed, now) >= BetweenRenewals;
            _renewedAt = renew ? now : _renewedAt;
            if (!_firstMissed.TryGetValue(kek, out long missed))
            {
                if (_firstMissed.Count >= MaxNamed)
                {
                    _firstMissed.Clear();
                }

                missed = _firstMissed[kek] = now;
            }

            lags = time.GetElapsedTime(missed, now) < Lag;
        }

        if (renew)
        {
            custody.RenewSoon();
        }

        return lags
            ? new FailureException(FailureKind.Unavailable, $"{key} is under KEK {KeyId.Format(kek)}, which this enclave does not have yet: it asks for it now; try again")
            : new FailureException(
                FailureKind.NotReady,
                $"{key} is under KEK {KeyId.Format(kek)}, which this enclave does not have: bring it here (cloister kek list shows those that are here and why others are not), "
                + "or delete the key in etcd itself (etcdctl del KEY)");
    }
}
