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
    private static readonly SnpVendor Vendor = new(SnpProductLine.Milan, SnpAuthorityKeys.Create(), From, From.AddYears(5));
    private static readonly SnpTcb Tcb = new(0, 3, 1, 24, 219);
    private static readonly byte[] Chip = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
    private static readonly SnpEndorsement Endorsement =
        Vendor.IssueEndorsement(new SnpEndorsementRequest { Kind = SnpSigningKey.Vcek, Tcb = Tcb, HardwareId = Chip });

    private static readonly Lock Signing = new();

    internal SnpMachine()
    {
        Provider = "sev_guest";
        Out = reportData => Sign(Guest with { ReportData = reportData });
        Aux = SnpCertificateTableWriter.Write(
            (SnpCertificateTableWriter.Ark, Vendor.Ark), (SnpCertificateTableWriter.Ask, Vendor.Ask), (SnpCertificateTableWriter.Vcek, Endorsement.Certificate));
        unsafe
        {
            this[SnpDerivedKey.Device].OnControl = Derive;
        }
    }

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

    internal static byte[] Sign(SnpReportFields fields)
    {
        lock (Signing)
        {
            return fields.Sign(Endorsement.Key);
        }
    }

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
