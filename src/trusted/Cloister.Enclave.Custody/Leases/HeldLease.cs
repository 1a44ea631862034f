using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys;
using Cloister.Kbs;

namespace Cloister.Enclave.Custody.Leases;

/// <summary>
/// A lease and the KEKs under it, immutable but for its uses. Its time is the broker's plus what elapsed here since it was asked for, and never goes
/// back. Four bounds, each for itself: wraps and the lease's end stop writes, unwraps and the grace's end stop reads.
/// secrets: refers to KEKs; the token.
/// </summary>
internal sealed class HeldLease
{
    private readonly TimeProvider _time;
    private readonly LeaseClock _clock;
    private readonly (long ActiveAt, uint Version, bool Enabled, KeyFingerprint Kek)[] _schedule;
    private readonly ActiveFloor _floor;
    private long _notBefore;

    /// <summary>A lease that a broker granted.</summary>
    /// <param name="grant">The lease.</param>
    /// <param name="ring">Its KEKs.</param>
    /// <param name="previous">The lease that it renews, whose time and unreported uses go on; null for the first.</param>
    /// <param name="reported">Uses that the request reported.</param>
    /// <param name="floor">The versions that writes used.</param>
    /// <param name="time">Counts what elapsed.</param>
    internal HeldLease(LeaseGrant grant, KekRing ring, HeldLease? previous, LeaseUses reported, ActiveFloor floor, TimeProvider time)
        : this(grant.Terms, grant.Jws, grant.Token, ring, new LeaseClock(grant.Terms.Time, grant.AskedAt), Unreported(previous, reported), floor, time)
    {
        // A restored lease had its time from the host's clock: it is no bound for the broker's.
        _notBefore = previous is null or { IsRestored: true } ? 0 : previous.Now;
    }

    /// <summary>A lease of a sealed copy.</summary>
    /// <param name="restored">The copy.</param>
    /// <param name="floor">The versions that writes used.</param>
    /// <param name="time">Counts what elapsed.</param>
    internal HeldLease(RestoredLease restored, ActiveFloor floor, TimeProvider time)
        : this(restored.Terms, restored.Jws, "", restored.Ring, new LeaseClock(restored.Now, time.GetTimestamp()), restored.Uses, floor, time)
    {
        IsRestored = true;
        Before = restored.Uses;
        _notBefore = restored.Now;
    }

    private HeldLease(LeaseTerms terms, string jws, string token, KekRing ring, LeaseClock clock, LeaseUses used, ActiveFloor floor, TimeProvider time)
    {
        _floor = floor;
        _time = time;
        _clock = clock;
        Terms = terms;
        Jws = jws;
        Token = token;
        Ring = ring;
        Wraps = new UseBudget(terms.Wraps, used.Wraps);
        Unwraps = new UseBudget(terms.Unwraps, used.Unwraps);
        _schedule =
        [
            .. terms.Versions
                .OrderByDescending(version => version.Version)
                .Select(version => (version.ActiveAt, version.Version, version.Enabled, Identity(terms, version).Fingerprint())),
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

    /// <summary>Encryptions.</summary>
    internal UseBudget Wraps { get; }

    /// <summary>Decryptions.</summary>
    internal UseBudget Unwraps { get; }

    /// <summary>Uses that were made, those of earlier lives and those reserved by them included.</summary>
    internal LeaseUses Uses => new(Wraps.Used, Unwraps.Used);

    /// <summary>The broker's time, milliseconds since 1970.</summary>
    internal long Now => Math.Max(Volatile.Read(ref _notBefore), _clock.Time + (long)_time.GetElapsedTime(_clock.Timestamp).TotalMilliseconds);

    /// <summary>When KEKs are wiped.</summary>
    internal long GraceEnd => Terms.Expires + (Terms.GraceSeconds * 1000);

    /// <summary>True when a budget is nearly used up.</summary>
    internal bool IsNearlyUsed => Wraps.IsNearlyUsed || Unwraps.IsNearlyUsed;

    /// <summary>Uses that the sealed copy counts; <see cref="LeaseUses.Unlimited"/> when none counts them.</summary>
    internal LeaseUses Reserved => new(Wraps.Reserved, Unwraps.Reserved);

    /// <summary>True when the sealed copy should soon count more uses.</summary>
    internal bool NeedsReservation => Wraps.NeedsReservation || Unwraps.NeedsReservation;

    /// <summary>Versions that are not disabled.</summary>
    internal IEnumerable<KeyFingerprint> Enabled => _schedule.Where(version => version.Enabled).Select(version => version.Kek);

    /// <summary>The identity of a version of a lease.</summary>
    internal static KekIdentity Identity(LeaseTerms terms, LeasedVersion version) => new(terms.Authority, terms.Kek, version.Version, version.Generation);

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

    /// <summary>From now on its time is not before this moment, whatever the clock does. One caller.</summary>
    internal void HoldTime() => Volatile.Write(ref _notBefore, Now);

    /// <summary>As <see cref="UseBudget.BeginReservation"/>, of both kinds.</summary>
    internal LeaseUses BeginReservation() => new(Wraps.BeginReservation(), Unwraps.BeginReservation());

    /// <summary>Lets uses be made up to there.</summary>
    internal void ReserveUpTo(LeaseUses uses)
    {
        Wraps.ReserveUpTo(uses.Wraps);
        Unwraps.ReserveUpTo(uses.Unwraps);
    }

    private static LeaseUses Unreported(HeldLease? previous, LeaseUses reported) =>
        previous is null ? default : previous.Uses - (previous.IsRestored ? previous.Before : reported);
}
