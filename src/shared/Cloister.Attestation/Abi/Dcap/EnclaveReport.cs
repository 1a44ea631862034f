using System.Buffers.Binary;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>An SGX enclave report body, 384 bytes (Intel SDM volume 3D, table 38-21).</summary>
public sealed class EnclaveReport
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 384;

    internal EnclaveReport(ReadOnlyMemory<byte> body)
    {
        Body = body.Length == Length ? body : throw new ArgumentException("An enclave report has 384 bytes.", nameof(body));
    }

    /// <summary>All 384 bytes.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Security version of the processor, 16 bytes.</summary>
    public ReadOnlyMemory<byte> CpuSvn => Body[..16];

    /// <summary>Extended state saved on exceptions.</summary>
    public uint MiscSelect => BinaryPrimitives.ReadUInt32LittleEndian(Body.Span[16..]);

    /// <summary><see cref="MiscSelect"/> as its 4 bytes.</summary>
    public ReadOnlyMemory<byte> MiscSelectBytes => Body.Slice(16, 4);

    /// <summary>Extended product, 16 bytes.</summary>
    public ReadOnlyMemory<byte> IsvExtProdId => Body.Slice(32, 16);

    /// <summary>Flags (8 bytes) and XFRM (8 bytes).</summary>
    public ReadOnlyMemory<byte> Attributes => Body.Slice(48, 16);

    /// <summary>Whether the enclave can be debugged: ATTRIBUTES.FLAGS bit 1.</summary>
    public bool IsDebug => (Body.Span[48] & 0x02) != 0;

    /// <summary>Measurement of the enclave, 32 bytes.</summary>
    public ReadOnlyMemory<byte> MrEnclave => Body.Slice(64, 32);

    /// <summary>SHA-256 of the signer's modulus, 32 bytes.</summary>
    public ReadOnlyMemory<byte> MrSigner => Body.Slice(128, 32);

    /// <summary>Configuration identity, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ConfigId => Body.Slice(192, 64);

    /// <summary>Product.</summary>
    public ushort IsvProdId => BinaryPrimitives.ReadUInt16LittleEndian(Body.Span[256..]);

    /// <summary>Security version of the enclave.</summary>
    public ushort IsvSvn => BinaryPrimitives.ReadUInt16LittleEndian(Body.Span[258..]);

    /// <summary>Security version of the configuration.</summary>
    public ushort ConfigSvn => BinaryPrimitives.ReadUInt16LittleEndian(Body.Span[260..]);

    /// <summary>Family, 16 bytes.</summary>
    public ReadOnlyMemory<byte> IsvFamilyId => Body.Slice(304, 16);

    /// <summary>What the enclave chose to say, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ReportData => Body.Slice(320, 64);
}
