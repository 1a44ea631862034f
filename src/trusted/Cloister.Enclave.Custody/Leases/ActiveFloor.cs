using Cloister.Kbs;

namespace Cloister.Enclave.Custody.Leases;

/// <summary>
/// The highest KEK version that writes used in the life of this process, under whatever lease: no lower one is used for writes again, whatever a broker,
/// its clock or its database say. Thread-safe. Source: docs/keys.md. secrets: none.
/// </summary>
internal sealed class ActiveFloor
{
    private uint _version;

    /// <summary>That version; 0 when there was none yet.</summary>
    internal uint Version => Volatile.Read(ref _version);

    /// <summary>Writes use that version.</summary>
    internal void Raise(uint version)
    {
        for (uint now = Version; now < version; now = Version)
        {
            Interlocked.CompareExchange(ref _version, version, now);
        }
    }

    /// <summary>Why a lease would take writes back, its highest version being below the floor; null when it does not.</summary>
    internal string? Refuse(LeaseTerms terms)
    {
        uint highest = terms.Versions.Select(version => version.Version).DefaultIfEmpty(0u).Max();
        return highest >= Version
            ? null
            : $"it goes back to version {highest} of KEK {terms.Kek}, and writes used version {Version}: the broker's database is an older one; bring the version back there, or rotate until it is passed";
    }
}
