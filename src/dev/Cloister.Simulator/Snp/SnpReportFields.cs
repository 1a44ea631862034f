using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Attestation.Abi.Snp;

namespace Cloister.Simulator.Snp;

/// <summary>The fields of a report to mint, written out by offset (SEV-SNP Firmware ABI 56860, table 23) independently of the parser.</summary>
public sealed record SnpReportFields
{
    /// <summary>Report version.</summary>
    public uint Version { get; init; } = 3;

    /// <summary>Guest security version.</summary>
    public uint GuestSvn { get; init; }

    /// <summary>Guest policy; the default allows SMT and nothing else.</summary>
    public ulong Policy { get; init; } = 0x3_0000;

    /// <summary>Privilege level.</summary>
    public uint Vmpl { get; init; }

    /// <summary>Signature algorithm.</summary>
    public uint SignatureAlgorithm { get; init; } = 1;

    /// <summary>Platform information.</summary>
    public ulong PlatformInfo { get; init; } = 0x25;

    /// <summary>Key information without the signing key's bits.</summary>
    public uint KeyFlags { get; init; }

    /// <summary>The key that the report says it is signed with.</summary>
    public SnpSigningKey SigningKey { get; init; } = SnpSigningKey.Vcek;

    /// <summary>Report data, up to 64 bytes.</summary>
    public byte[] ReportData { get; init; } = [];

    /// <summary>Measurement, up to 48 bytes.</summary>
    public byte[] Measurement { get; init; } = [];

    /// <summary>Host data, up to 32 bytes.</summary>
    public byte[] HostData { get; init; } = [];

    /// <summary>Digest of the ID key, up to 48 bytes.</summary>
    public byte[] IdKeyDigest { get; init; } = [];

    /// <summary>Digest of the author key, up to 48 bytes.</summary>
    public byte[] AuthorKeyDigest { get; init; } = [];

    /// <summary>Chip id, up to 64 bytes.</summary>
    public byte[] ChipId { get; init; } = [];

    /// <summary>Family, model and stepping; not written into version 2.</summary>
    public SnpProcessor Processor { get; init; } = new(0x19, 0x01, 0x01);

    /// <summary>Reported TCB, raw.</summary>
    public ulong ReportedTcb { get; init; }

    /// <summary>Current TCB, raw; null for the reported one.</summary>
    public ulong? CurrentTcb { get; init; }

    /// <summary>Committed TCB, raw; null for the reported one.</summary>
    public ulong? CommittedTcb { get; init; }

    /// <summary>Launch TCB, raw; null for the reported one.</summary>
    public ulong? LaunchTcb { get; init; }

    /// <summary>Launch mitigation vector; written into version 5 only.</summary>
    public ulong LaunchMitigationVector { get; init; }

    /// <summary>Current mitigation vector; written into version 5 only.</summary>
    public ulong CurrentMitigationVector { get; init; }

    /// <summary>The report, signed.</summary>
    /// <param name="key">Signs it; a P-384 key.</param>
    public byte[] Sign(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[] report = new byte[SnpReport.Length];
        Write(report);
        Sign(report, key);
        return report;
    }

    /// <summary>Signs a report anew, after its bytes were changed.</summary>
    /// <param name="report">1184 bytes; the signature is overwritten.</param>
    /// <param name="key">Signs it; a P-384 key.</param>
    public static void Sign(Span<byte> report, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[] signature = key.SignData(report[..0x2A0], HashAlgorithmName.SHA384, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        int half = signature.Length / 2;
        Array.Reverse(signature, 0, half);
        Array.Reverse(signature, half, half);
        report[0x2A0..].Clear();
        signature.AsSpan(0, half).CopyTo(report[0x2A0..]);
        signature.AsSpan(half).CopyTo(report[0x2E8..]);
    }

    private void Write(Span<byte> report)
    {
        U32(report, 0x000, Version);
        U32(report, 0x004, GuestSvn);
        U64(report, 0x008, Policy);
        U32(report, 0x030, Vmpl);
        U32(report, 0x034, SignatureAlgorithm);
        U64(report, 0x038, CurrentTcb ?? ReportedTcb);
        U64(report, 0x040, PlatformInfo);
        U32(report, 0x048, KeyFlags | (uint)SigningKey << 2);
        ReportData.CopyTo(report[0x050..]);
        Measurement.CopyTo(report[0x090..]);
        HostData.CopyTo(report[0x0C0..]);
        IdKeyDigest.CopyTo(report[0x0E0..]);
        AuthorKeyDigest.CopyTo(report[0x110..]);
        RandomNumberGenerator.Fill(report[0x140..0x160]);
        report[0x160..0x180].Fill(0xFF);
        U64(report, 0x180, ReportedTcb);
        if (Version >= 3)
        {
            report[0x188] = Processor.Family;
            report[0x189] = Processor.Model;
            report[0x18A] = Processor.Stepping;
        }

        ChipId.CopyTo(report[0x1A0..]);
        U64(report, 0x1E0, CommittedTcb ?? ReportedTcb);
        ((ReadOnlySpan<byte>)[40, 55, 1]).CopyTo(report[0x1E8..]);
        ((ReadOnlySpan<byte>)[40, 55, 1]).CopyTo(report[0x1EC..]);
        U64(report, 0x1F0, LaunchTcb ?? ReportedTcb);
        if (Version >= 5)
        {
            U64(report, 0x1F8, LaunchMitigationVector);
            U64(report, 0x200, CurrentMitigationVector);
        }
    }

    private static void U32(Span<byte> report, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(report[offset..], value);

    private static void U64(Span<byte> report, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(report[offset..], value);
}
