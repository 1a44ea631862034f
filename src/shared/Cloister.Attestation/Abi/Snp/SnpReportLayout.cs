namespace Cloister.Attestation.Abi.Snp;

/// <summary>Offsets and lengths of ATTESTATION_REPORT (SEV-SNP Firmware ABI 56860, table 23, and the ECDSA P-384 signature format).</summary>
internal static class SnpReportLayout
{
    public const int Length = 0x4A0;
    public const int SignedLength = 0x2A0;

    public const int Version = 0x000;
    public const int GuestSvn = 0x004;
    public const int Policy = 0x008;
    public const int FamilyId = 0x010;
    public const int ImageId = 0x020;
    public const int Vmpl = 0x030;
    public const int SignatureAlgorithm = 0x034;
    public const int CurrentTcb = 0x038;
    public const int PlatformInfo = 0x040;
    public const int KeyInfo = 0x048;
    public const int ReportData = 0x050;
    public const int Measurement = 0x090;
    public const int HostData = 0x0C0;
    public const int IdKeyDigest = 0x0E0;
    public const int AuthorKeyDigest = 0x110;
    public const int ReportId = 0x140;
    public const int ReportIdMa = 0x160;
    public const int ReportedTcb = 0x180;
    public const int Cpuid = 0x188;
    public const int ChipId = 0x1A0;
    public const int CommittedTcb = 0x1E0;
    public const int CurrentVersion = 0x1E8;
    public const int CommittedVersion = 0x1EC;
    public const int LaunchTcb = 0x1F0;
    public const int LaunchMitigationVector = 0x1F8;
    public const int CurrentMitigationVector = 0x200;

    public const int SignatureR = 0x2A0;
    public const int SignatureS = SignatureR + SignatureComponentField;
    public const int SignatureComponentField = 72;
    public const int SignatureComponent = 48;
    public const int SignatureEnd = SignatureS + SignatureComponentField;

    /// <summary>What a report of any version leaves zero.</summary>
    public static readonly (int Offset, int Length)[] ReservedAlways =
        [(0x04C, 4), (0x18B, 21), (0x1EB, 1), (0x1EF, 1), (0x208, 0x98)];

    /// <summary>What a report leaves zero besides, before the version that put something there.</summary>
    public static readonly (uint BeforeVersion, int Offset, int Length)[] ReservedAtFirst =
        [(EvidenceVersions.SnpReportWithProcessor, Cpuid, 3), (EvidenceVersions.SnpReportWithMitigations, LaunchMitigationVector, 16)];

    /// <summary>What the signature structure leaves zero for P-384: the high bytes of R and S, and all that follows.</summary>
    public static readonly (int Offset, int Length)[] ReservedInSignature =
    [
        (SignatureR + SignatureComponent, SignatureComponentField - SignatureComponent),
        (SignatureS + SignatureComponent, SignatureComponentField - SignatureComponent),
        (SignatureEnd, Length - SignatureEnd),
    ];
}
