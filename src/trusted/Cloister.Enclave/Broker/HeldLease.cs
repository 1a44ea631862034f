using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// A lease and the KEKs under it, immutable but for its uses. Its time is the broker's plus what went by here since it was asked for, and
/// never less than what an earlier lease had come to. secrets: refers to KEKs; the token.
/// </summary>
internal sealed class HeldLease
{
    private readonly TimeProvider _time;
    private readonly long _askedAt;
    private readonly long _floor;
    private readonly (long ActiveAt, uint Version, KeyFingerprint Kek)[] _schedule;
    private long _wraps;
    private long _unwraps;
    private long _exhaustedAt = long.MaxValue;

    /// <param name="grant">The lease.</param>
    /// <param name="ring">Its KEKs.</param>
    /// <param name="previous">The lease that it renews, whose time and unreported uses go on.</param>
    /// <param name="reportedWraps">Encryptions that the request reported.</param>
    /// <param name="reportedUnwraps">Decryptions that the request reported.</param>
    /// <param name="time">Counts what has gone by.</param>
    internal HeldLease(LeaseGrant grant, KekRing ring, HeldLease? previous, long reportedWraps, long reportedUnwraps, TimeProvider time)
    {
        _time = time;
        _askedAt = grant.AskedAt;
        _floor = previous?.Now ?? 0;
        _wraps = previous is null ? 0 : previous.Wraps - reportedWraps;
        _unwraps = previous is null ? 0 : previous.Unwraps - reportedUnwraps;
        Terms = grant.Terms;
        Token = grant.Token;
        Ring = ring;
        _schedule =
        [
            .. grant.Terms.Versions
                .Where(version => version.Enabled)
                .OrderByDescending(version => version.ActiveAt)
                .ThenByDescending(version => version.Version)
                .Select(version => (version.ActiveAt, version.Version, LeaseReader.Identity(grant.Terms, version).Fingerprint())),
        ];
    }

    internal LeaseTerms Terms { get; }

    internal string Token { get; }

    internal KekRing Ring { get; }

    internal long Wraps => Volatile.Read(ref _wraps);

    internal long Unwraps => Volatile.Read(ref _unwraps);

    /// <summary>The broker's time, milliseconds since 1970.</summary>
    internal long Now => Math.Max(_floor, Terms.Time + (long)_time.GetElapsedTime(_askedAt).TotalMilliseconds);

    /// <summary>When writes stop.</summary>
    internal long End => Math.Min(Terms.Expires, Volatile.Read(ref _exhaustedAt));

    /// <summary>When KEKs are wiped.</summary>
    internal long GraceEnd => End + (Terms.GraceSeconds * 1000);

    /// <summary>True when 80% of a bound is used.</summary>
    internal bool NearlyUsed => Wraps >= Terms.Wraps / 10 * 8 || Unwraps >= Terms.Unwraps / 10 * 8;

    /// <summary>The version that writes use at that time.</summary>
    internal KeyFingerprint? ActiveAt(long now)
    {
        foreach ((long activeAt, _, KeyFingerprint kek) in _schedule)
        {
            if (activeAt <= now)
            {
                return kek;
            }
        }

        return null;
    }

    /// <summary>Versions that are not disabled.</summary>
    internal IEnumerable<KeyFingerprint> Enabled => _schedule.Select(version => version.Kek);

    /// <summary>Counts encryptions; false when not as many are left. The last one ends the lease.</summary>
    internal bool TryWrap(int count = 1) => TryUse(ref _wraps, Terms.Wraps, count);

    /// <summary>Counts decryptions; false when not as many are left. The last one ends the lease.</summary>
    internal bool TryUnwrap(int count = 1) => TryUse(ref _unwraps, Terms.Unwraps, count);

    // The last use that is allowed ends the lease, not the first that is refused: Status says so before a write fails.
    private bool TryUse(ref long uses, long most, int count)
    {
        long used = Interlocked.Add(ref uses, count);
        if (used > most)
        {
            Interlocked.Add(ref uses, -count);
        }

        if (used >= most)
        {
            Interlocked.CompareExchange(ref _exhaustedAt, Now, long.MaxValue);
        }

        return used <= most;
    }
}
