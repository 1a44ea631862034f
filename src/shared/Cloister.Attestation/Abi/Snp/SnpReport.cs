using System.Buffers.Binary;
using Layout = Cloister.Attestation.Abi.Snp.SnpReportLayout;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// An SEV-SNP attestation report of version 2 to 5 (SEV-SNP Firmware ABI 56860, table 23). The object is a view: it
/// keeps the bytes it was parsed from, and every field is read from them. Parsed says nothing about authentic.
/// </summary>
public sealed partial class SnpReport
{
    /// <summary>Length of a report in bytes, signature included.</summary>
    public const int Length = Layout.Length;

    private readonly ReadOnlyMemory<byte> _bytes;

    private SnpReport(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>The report as it was received, 1184 bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <summary>The bytes the signature covers, 672 of them.</summary>
    public ReadOnlySpan<byte> SignedBytes => _bytes.Span[..Layout.SignedLength];

    /// <summary>Version of the report: 2 to 5.</summary>
    public uint Version => UInt32(Layout.Version);

    /// <summary>Security version of the guest, from its ID block.</summary>
    public uint GuestSvn => UInt32(Layout.GuestSvn);

    /// <summary>Policy the guest was launched with.</summary>
    public SnpGuestPolicy Policy => new(UInt64(Layout.Policy));

    /// <summary>Family id of the ID block, 16 bytes.</summary>
    public ReadOnlySpan<byte> FamilyId => Field(Layout.FamilyId, 16);

    /// <summary>Image id of the ID block, 16 bytes.</summary>
    public ReadOnlySpan<byte> ImageId => Field(Layout.ImageId, 16);

    /// <summary>Privilege level the report was asked for: 0 to 3, most privileged first.</summary>
    public uint Vmpl => UInt32(Layout.Vmpl);

    /// <summary>Signature algorithm; 1 is ECDSA P-384 with SHA-384, the only one there is.</summary>
    public uint SignatureAlgorithm => UInt32(Layout.SignatureAlgorithm);

    /// <summary>TCB the firmware runs now, undecoded: its layout depends on the product line.</summary>
    public ulong CurrentTcb => UInt64(Layout.CurrentTcb);

    /// <summary>What the platform has enabled.</summary>
    public SnpPlatformInfo PlatformInfo => new(UInt64(Layout.PlatformInfo));

    /// <summary>The ID block was signed by an author key.</summary>
    public bool AuthorKeyEnabled => (UInt32(Layout.KeyInfo) & 1) != 0;

    /// <summary>MASK_CHIP_KEY: the host forbade signing with the chip's key.</summary>
    public bool MaskChipKey => (UInt32(Layout.KeyInfo) & 2) != 0;

    /// <summary>The key that signed the report.</summary>
    public SnpSigningKey SigningKey => (SnpSigningKey)(UInt32(Layout.KeyInfo) >> 2 & 7);

    /// <summary>What the guest put into the report, 64 bytes.</summary>
    public ReadOnlySpan<byte> ReportData => Field(Layout.ReportData, 64);

    /// <summary>Launch measurement, 48 bytes.</summary>
    public ReadOnlySpan<byte> Measurement => Field(Layout.Measurement, 48);

    /// <summary>What the host put in at launch, 32 bytes.</summary>
    public ReadOnlySpan<byte> HostData => Field(Layout.HostData, 32);

    /// <summary>SHA-384 of the key that signed the ID block, 48 bytes; zero without one.</summary>
    public ReadOnlySpan<byte> IdKeyDigest => Field(Layout.IdKeyDigest, 48);

    /// <summary>SHA-384 of the key that certified the ID key, 48 bytes; zero without one.</summary>
    public ReadOnlySpan<byte> AuthorKeyDigest => Field(Layout.AuthorKeyDigest, 48);

    /// <summary>Id of this guest, 32 bytes, random per launch.</summary>
    public ReadOnlySpan<byte> ReportId => Field(Layout.ReportId, 32);

    /// <summary>Id of the guest's migration agent, 32 bytes; all ones without one.</summary>
    public ReadOnlySpan<byte> ReportIdMa => Field(Layout.ReportIdMa, 32);

    /// <summary>TCB that the signing key was derived from, undecoded.</summary>
    public ulong ReportedTcb => UInt64(Layout.ReportedTcb);

    /// <summary>The processor; null in a report of version 2, which does not name it.</summary>
    public SnpProcessor? Processor => Version < EvidenceVersions.SnpReportWithProcessor
        ? null
        : new(Bytes[Layout.Cpuid], Bytes[Layout.Cpuid + 1], Bytes[Layout.Cpuid + 2]);

    /// <summary>Id of the chip, 64 bytes (Turin: 8, then zero); all zero where the host masks it or a VLEK signs.</summary>
    public ReadOnlySpan<byte> ChipId => Field(Layout.ChipId, 64);

    /// <summary>TCB below which the firmware cannot be rolled back, undecoded.</summary>
    public ulong CommittedTcb => UInt64(Layout.CommittedTcb);

    /// <summary>Firmware version that runs now.</summary>
    public SnpFirmwareVersion CurrentVersion => FirmwareVersion(Layout.CurrentVersion);

    /// <summary>Firmware version that is committed.</summary>
    public SnpFirmwareVersion CommittedVersion => FirmwareVersion(Layout.CommittedVersion);

    /// <summary>TCB at the guest's launch, undecoded.</summary>
    public ulong LaunchTcb => UInt64(Layout.LaunchTcb);

    /// <summary>Mitigations verified at launch; null before version 5.</summary>
    public ulong? LaunchMitigationVector => Version < EvidenceVersions.SnpReportWithMitigations ? null : UInt64(Layout.LaunchMitigationVector);

    /// <summary>Mitigations verified now; null before version 5.</summary>
    public ulong? CurrentMitigationVector => Version < EvidenceVersions.SnpReportWithMitigations ? null : UInt64(Layout.CurrentMitigationVector);

    /// <summary>Writes the signature as r||s, big-endian, 96 bytes, which is how everybody but AMD has it.</summary>
    /// <param name="destination">At least 96 bytes.</param>
    public void CopySignature(Span<byte> destination)
    {
        Span<byte> r = destination[..Layout.SignatureComponent];
        Span<byte> s = destination.Slice(Layout.SignatureComponent, Layout.SignatureComponent);
        Field(Layout.SignatureR, Layout.SignatureComponent).CopyTo(r);
        Field(Layout.SignatureS, Layout.SignatureComponent).CopyTo(s);
        r.Reverse();
        s.Reverse();
    }

    private ReadOnlySpan<byte> Field(int offset, int length) => _bytes.Span.Slice(offset, length);

    private uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.Span[offset..]);

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.Span[offset..]);

    private SnpFirmwareVersion FirmwareVersion(int offset) => new(Bytes[offset + 2], Bytes[offset + 1], Bytes[offset]);
}
