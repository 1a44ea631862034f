using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Enclave.Tees.Devices;
using Cloister.Simulator.Snp;
using SnpDerivedKey = Cloister.Enclave.Tees.Vm.SnpDerivedKey;

namespace Cloister.Tee.Tests.Support;

/// <summary>A SEV-SNP guest: reports with certificates through configfs-tsm, derived keys through /dev/sev-guest.</summary>
internal sealed class SnpMachine : TsmMachine
{
    private static readonly DateTimeOffset From = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SnpVendor Vendor = new(SnpProductLine.Milan, SnpAuthorityKeys.Create(), From, From.AddYears(20));
    private static readonly SnpTcb Tcb = new(0, 3, 1, 24, 219);
    private static readonly byte[] Chip = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
    private static readonly SnpEndorsement Endorsement = Issue(Vendor, Tcb);

    private static readonly Lock Signing = new();

    internal SnpMachine()
    {
        Provider = "sev_guest";
        Out = reportData => Sign(Guest with { ReportData = reportData, Vmpl = Floor is null ? Guest.Vmpl : (uint)Level });
        Aux = Certificates(Vendor, Endorsement);
        unsafe
        {
            this[SnpDerivedKey.Device].OnControl = Derive;
        }
    }

    /// <summary>The endorsement key's certificate, DER.</summary>
    internal static byte[] Vcek => Endorsement.Certificate;

    /// <summary>What a verifier needs beside a report.</summary>
    internal static SnpCollateral Endorsements => new()
    {
        EndorsementKeys = [Certificate.Parse(Vcek)], Authorities = [Certificate.Parse(Vendor.Ask), Certificate.Parse(Vendor.Ark)],
    };

    internal static string RootPem => PemEncoding.WriteString("CERTIFICATE", Vendor.Ark);

    /// <summary>What this guest is.</summary>
    internal SnpReportFields Guest { get; set; } = new()
    {
        ReportedTcb = Tcb.Encode(SnpProductLine.Milan),
        ChipId = Chip,
        Measurement = Sample.Bytes(48, 0x5E),
    };

    /// <summary>Seed of the firmware's root key; another one is another chip.</summary>
    internal byte[] Root { get; set; } = Sample.Bytes(32, 1);

    internal uint FirmwareStatus { get; set; }

    /// <summary>How often the hypervisor says that it is busy.</summary>
    internal int VmmBusy { get; set; }

    internal ulong CommittedTcb => Guest.CommittedTcb ?? Guest.ReportedTcb;

    internal static VerificationResult Verify(byte[] report, byte[] certificates) => SnpVerifier.Verify(
        report, certificates, SnpCollateral.None, TrustAnchors.Of(Certificate.Parse(Vendor.Ark)), VerificationTime.At(From.AddYears(1)));

    internal static byte[] Sign(SnpReportFields fields) => Sign(fields, Endorsement);

    /// <summary>What the same chip gives with older firmware: report, certificates.</summary>
    internal static (byte[] Report, byte[] Certificates) SignStale(SnpReportFields fields)
    {
        SnpTcb tcb = Tcb with { Microcode = 1 };
        SnpEndorsement endorsement = Issue(Vendor, tcb);
        return (Sign(fields with { ReportedTcb = tcb.Encode(SnpProductLine.Milan) }, endorsement), Certificates(Vendor, endorsement));
    }

    /// <summary>What a chip of another vendor, with keys of its own, gives: report, certificates.</summary>
    internal static (byte[] Report, byte[] Certificates) SignForeign(SnpReportFields fields)
    {
        (byte[] report, SnpVendor vendor, SnpEndorsement endorsement) = Foreign(fields);
        return (report, Certificates(vendor, endorsement));
    }

    /// <summary>The same: report, endorsement key's certificate.</summary>
    internal static (byte[] Report, byte[] Vcek) SignForeignReport(SnpReportFields fields)
    {
        (byte[] report, _, SnpEndorsement endorsement) = Foreign(fields);
        return (report, endorsement.Certificate);
    }

    /// <summary>Writes what a broker needs for reports that come without certificates.</summary>
    internal static void WriteCollateral(string folder)
    {
        string directory = Directory.CreateDirectory(Path.Combine(folder, $"snp-{Convert.ToHexStringLower(Chip)}")).FullName;
        File.WriteAllBytes(Path.Combine(directory, "vcek.der"), Vcek);
        File.WriteAllText(Path.Combine(directory, "ca_chain.pem"), Vendor.ChainPem);
    }

    private static (byte[] Report, SnpVendor Vendor, SnpEndorsement Endorsement) Foreign(SnpReportFields fields)
    {
        using SnpAuthorityKeys keys = SnpAuthorityKeys.Create();
        SnpVendor vendor = new(SnpProductLine.Milan, keys, From, From.AddYears(20));
        SnpEndorsement endorsement = Issue(vendor, Tcb);
        return (Sign(fields, endorsement), vendor, endorsement);
    }

    private static byte[] Sign(SnpReportFields fields, SnpEndorsement endorsement)
    {
        lock (Signing)
        {
            return fields.Sign(endorsement.Key);
        }
    }

    private static SnpEndorsement Issue(SnpVendor vendor, SnpTcb tcb) =>
        vendor.IssueEndorsement(new SnpEndorsementRequest { Kind = SnpSigningKey.Vcek, Tcb = tcb, HardwareId = Chip });

    private static byte[] Certificates(SnpVendor vendor, SnpEndorsement endorsement) => SnpCertificateTableWriter.Write(
        (SnpCertificateTableWriter.Ark, vendor.Ark), (SnpCertificateTableWriter.Ask, vendor.Ask), (SnpCertificateTableWriter.Vcek, endorsement.Certificate));

    // struct snp_guest_request_ioctl, MSG_KEY_REQ and MSG_KEY_RSP by offset, independently of the code that is tested.
    private unsafe void Derive(uint code, void* argument)
    {
        Assert.Equal(0xC0205301u, code);
        Span<byte> call = new(argument, 32);
        Assert.Equal(1, call[0]);
        if (VmmBusy > 0)
        {
            VmmBusy--;
            BinaryPrimitives.WriteUInt32LittleEndian(call[28..], 2);
            throw new DeviceException(SnpDerivedKey.Device, Errno.InputOutput);
        }

        ReadOnlySpan<byte> request = new((void*)BinaryPrimitives.ReadUInt64LittleEndian(call[8..]), 32);
        Span<byte> response = new((void*)BinaryPrimitives.ReadUInt64LittleEndian(call[16..]), 64);
        response.Clear();
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(request));
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(request[4..]));
        Assert.Equal(0b10_1001ul, BinaryPrimitives.ReadUInt64LittleEndian(request[8..]));
        ulong tcb = BinaryPrimitives.ReadUInt64LittleEndian(request[24..]);
        uint status = FirmwareStatus != 0 ? FirmwareStatus : tcb <= CommittedTcb ? 0u : 0x16;
        BinaryPrimitives.WriteUInt32LittleEndian(response, status);
        if (status == 0)
        {
            byte[] mixed = [.. Root, .. request[16..20], .. request[24..32], .. BitConverter.GetBytes(Guest.Policy), .. Guest.Measurement];
            SHA256.HashData(mixed).CopyTo(response[32..]);
        }
    }
}
