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
    // How many times during a lease uses are set aside: a start from a sealed copy loses at most one part.
    private const int Parts = 16;

    private readonly TimeProvider _time;
    private readonly LeaseClock _clock;
    private readonly (long ActiveAt, uint Version, bool Enabled, KeyFingerprint Kek)[] _schedule;
    private readonly ActiveFloor _floor;
    private long _wraps;
    private long _unwraps;
    private long _wrapsSetAside = long.MaxValue;
    private long _unwrapsSetAside = long.MaxValue;
    private long _exhaustedAt = long.MaxValue;

    /// <summary>A lease that a broker granted.</summary>
    /// <param name="grant">The lease.</param>
    /// <param name="ring">Its KEKs.</param>
    /// <param name="previous">The lease that it renews, whose time and unreported uses go on; null for the first.</param>
    /// <param name="reported">Uses that the request reported.</param>
    /// <param name="floor">The versions that writes used.</param>
    /// <param name="time">Counts what has gone by.</param>
    internal HeldLease(LeaseGrant grant, KekRing ring, HeldLease? previous, LeaseUses reported, ActiveFloor floor, TimeProvider time)
        : this(grant.Terms, grant.Jws, grant.Token, ring, floor, time)
    {
        // A restored lease had its time from the host's clock: it is no bound for the broker's.
        _clock = new LeaseClock(grant.Terms.Time, grant.AskedAt, previous is null or { IsRestored: true } ? 0 : previous.Now);
        LeaseUses unreported = previous is null ? default : previous.Uses - (previous.IsRestored ? previous.Before : reported);
        (_wraps, _unwraps) = (unreported.Wraps, unreported.Unwraps);
    }

    /// <summary>A lease of a sealed copy.</summary>
    /// <param name="restored">The copy.</param>
    /// <param name="floor">The versions that writes used.</param>
    /// <param name="time">Counts what has gone by.</param>
    internal HeldLease(RestoredLease restored, ActiveFloor floor, TimeProvider time)
        : this(restored.Terms, restored.Jws, "", restored.Ring, floor, time)
    {
        IsRestored = true;
        Before = new LeaseUses(restored.Wraps, restored.Unwraps);
        _clock = new LeaseClock(restored.Now, time.GetTimestamp(), restored.Now);
        (_wraps, _unwraps) = (restored.Wraps, restored.Unwraps);
        if (_wraps >= Terms.Wraps || _unwraps >= Terms.Unwraps)
        {
            _exhaustedAt = restored.Now;
        }
    }

    private HeldLease(LeaseTerms terms, string jws, string token, KekRing ring, ActiveFloor floor, TimeProvider time)
    {
        _floor = floor;
        _time = time;
        _clock = new LeaseClock(0, 0, 0);
        Terms = terms;
        Jws = jws;
        Token = token;
        Ring = ring;
        _schedule =
        [
            .. terms.Versions
                .OrderByDescending(version => version.Version)
                .Select(version => (version.ActiveAt, version.Version, version.Enabled, LeaseReader.Identity(terms, version).Fingerprint())),
        ];
    }

    internal LeaseTerms Terms { get; }

    /// <summary>The lease as it came.</summary>
    internal string Jws { get; }

    /// <summary>Empty for a restored lease.</summary>
    internal string Token { get; }

    internal KekRing Ring { get; }

    /// <summary>True when it came from a sealed copy: another life of this enclave asked for it, so it is not renewed but replaced.</summary>
    internal bool IsRestored { get; }

    /// <summary>Uses of earlier lives.</summary>
    internal LeaseUses Before { get; }

    /// <summary>Uses that were made, those of earlier lives and those set aside by them included.</summary>
    internal LeaseUses Uses => new(Volatile.Read(ref _wraps), Volatile.Read(ref _unwraps));

    /// <summary>Makes more uses durable before they are made, when there is a sealed copy; false when that failed.</summary>
    internal Func<HeldLease, bool>? SetAside { get; set; }

    /// <summary>The broker's time, milliseconds since 1970.</summary>
    internal long Now => Math.Max(_clock.Floor, _clock.Time + (long)_time.GetElapsedTime(_clock.Timestamp).TotalMilliseconds);

    /// <summary>When writes stop.</summary>
    internal long End => Math.Min(Terms.Expires, Volatile.Read(ref _exhaustedAt));

    /// <summary>When KEKs are wiped.</summary>
    internal long GraceEnd => End + (Terms.GraceSeconds * 1000);

    /// <summary>True when 80% of a bound is used.</summary>
    internal bool NearlyUsed => Uses.Wraps >= Terms.Wraps / 10 * 8 || Uses.Unwraps >= Terms.Unwraps / 10 * 8;

    /// <summary>Versions that are not disabled.</summary>
    internal IEnumerable<KeyFingerprint> Enabled => _schedule.Where(version => version.Enabled).Select(version => version.Kek);

    /// <summary>The version that writes use at that time: the highest whose time has come; null while that one is not enabled, since none below it may return.</summary>
    internal KeyFingerprint? ActiveAt(long now)
    {
        foreach ((long activeAt, uint version, bool enabled, KeyFingerprint kek) in _schedule)
        {
            if (activeAt <= now || version <= _floor.Version)
            {
                if (enabled)
                {
                    _floor.Raise(version);
                }

                return enabled ? kek : null;
            }
        }

        return null;
    }

    /// <summary>Counts encryptions; false when not as many are left. The last one ends the lease.</summary>
    internal bool TryWrap(int count = 1) => TryUse(ref _wraps, ref _wrapsSetAside, Terms.Wraps, count);

    /// <summary>Counts decryptions; false when not as many are left. The last one ends the lease.</summary>
    internal bool TryUnwrap(int count = 1) => TryUse(ref _unwraps, ref _unwrapsSetAside, Terms.Unwraps, count);

    /// <summary>Uses that a sealed copy has to say were made, so that as many more can be made before it is written again.</summary>
    internal LeaseUses NextSetAside()
    {
        LeaseUses uses = Uses;
        return new LeaseUses(Next(uses.Wraps, Terms.Wraps), Next(uses.Unwraps, Terms.Unwraps));
    }

    /// <summary>True when uses that were counted go past what was set aside.</summary>
    internal bool NeedsSetAside => Uses.Wraps > Volatile.Read(ref _wrapsSetAside) || Uses.Unwraps > Volatile.Read(ref _unwrapsSetAside);

    /// <summary>Lets uses be made up to there.</summary>
    internal void AllowUpTo(LeaseUses uses)
    {
        Volatile.Write(ref _wrapsSetAside, uses.Wraps);
        Volatile.Write(ref _unwrapsSetAside, uses.Unwraps);
    }

    private static long Next(long uses, long most) => Math.Min(most, uses + Math.Max(1, most / Parts));

    // The last use that is allowed ends the lease, not the first that is refused: Status says so before a write fails.
    private bool TryUse(ref long uses, ref long setAside, long most, int count)
    {
        long used = Interlocked.Add(ref uses, count);
        bool counted = used <= most;
        bool allowed = counted && (used <= Volatile.Read(ref setAside) || SetAside is not { } more || more(this));
        if (!allowed)
        {
            Interlocked.Add(ref uses, -count);
        }

        if (counted ? used == most || !allowed : used - count >= most)
        {
            Interlocked.CompareExchange(ref _exhaustedAt, Now, long.MaxValue);
        }

        return allowed;
    }
}
