using Cloister.Attestation.Certificates;

namespace Cloister.Simulator.Dcap;

/// <summary>What a simulated quote is to be. Everything but the body has a default that verifies.</summary>
public sealed record DcapQuoteRequest
{
    /// <summary>Signer of the simulated quoting enclave.</summary>
    public static byte[] SimulatedQeSigner => [.. Enumerable.Range(0x51, 32).Select(i => (byte)i)];

    /// <summary>Version: 3 (SGX), 4 or 5.</summary>
    public ushort Version { get; init; } = 3;

    /// <summary>TEE type: 0 or 0x81.</summary>
    public uint TeeType { get; init; }

    /// <summary>384, 584 or 648 bytes; see <see cref="EnclaveReportFields"/> and <see cref="TdReportFields"/>.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Vendor of the quoting enclave, 16 bytes.</summary>
    public ReadOnlyMemory<byte> QeVendorId { get; init; } = Convert.FromHexString("939A7233F79C4CA9940A0DB3957F0607");

    /// <summary>Report of the quoting enclave, but for its report data.</summary>
    public EnclaveReportFields QeReport { get; init; } = new() { MrSigner = SimulatedQeSigner, IsvProdId = 1, IsvSvn = 8, Flags = 0x11, Xfrm = 0x03 };

    /// <summary>Report data of the quoting enclave; null: the right one.</summary>
    public ReadOnlyMemory<byte>? QeReportData { get; init; }

    /// <summary>Authentication data of the quoting enclave.</summary>
    public ReadOnlyMemory<byte> QeAuthData { get; init; } = new byte[32];

    /// <summary>Who signs the report of the quoting enclave; null: the platform's PCK key.</summary>
    public DcapAuthority? QeReportSigner { get; init; }

    /// <summary>Certification data type; 5 carries the chain.</summary>
    public ushort CertificationDataType { get; init; } = 5;

    /// <summary>The chain in the quote; null: the platform's.</summary>
    public IReadOnlyList<Certificate>? Chain { get; init; }

    /// <summary>Bytes after the signature data.</summary>
    public int Padding { get; init; }
}
