namespace Cloister.Attestation.Abi.Snp;

/// <summary>A firmware version of a report: major, minor, build; compared in that order.</summary>
/// <param name="Major">Major version.</param>
/// <param name="Minor">Minor version.</param>
/// <param name="Build">Build number.</param>
public readonly record struct SnpFirmwareVersion(byte Major, byte Minor, byte Build) : IComparable<SnpFirmwareVersion>
{
    /// <inheritdoc/>
    public int CompareTo(SnpFirmwareVersion other) => (Major, Minor, Build).CompareTo((other.Major, other.Minor, other.Build));

    /// <summary>The version as AMD writes it, such as 1.55.29.</summary>
    public override string ToString() => FormattableString.Invariant($"{Major}.{Minor}.{Build}");

    /// <summary>Whether the left version is older.</summary>
    public static bool operator <(SnpFirmwareVersion left, SnpFirmwareVersion right) => left.CompareTo(right) < 0;

    /// <summary>Whether the left version is newer.</summary>
    public static bool operator >(SnpFirmwareVersion left, SnpFirmwareVersion right) => left.CompareTo(right) > 0;

    /// <summary>Whether the left version is older or the same.</summary>
    public static bool operator <=(SnpFirmwareVersion left, SnpFirmwareVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Whether the left version is newer or the same.</summary>
    public static bool operator >=(SnpFirmwareVersion left, SnpFirmwareVersion right) => left.CompareTo(right) >= 0;
}
