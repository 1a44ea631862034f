using System.Buffers.Binary;

namespace Cloister.Simulator.Dcap;

/// <summary>Fields of a simulated enclave report.</summary>
public sealed record EnclaveReportFields
{
    /// <summary>MRENCLAVE, 32 bytes.</summary>
    public ReadOnlyMemory<byte> MrEnclave { get; init; } = new byte[32];

    /// <summary>MRSIGNER, 32 bytes.</summary>
    public ReadOnlyMemory<byte> MrSigner { get; init; } = new byte[32];

    /// <summary>CPUSVN, 16 bytes.</summary>
    public ReadOnlyMemory<byte> CpuSvn { get; init; } = new byte[16];

    /// <summary>MISCSELECT.</summary>
    public uint MiscSelect { get; init; }

    /// <summary>ATTRIBUTES.FLAGS; bit 1 is DEBUG.</summary>
    public ulong Flags { get; init; } = 0x05;

    /// <summary>ATTRIBUTES.XFRM.</summary>
    public ulong Xfrm { get; init; } = 0xE7;

    /// <summary>CONFIGID, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ConfigId { get; init; } = new byte[64];

    /// <summary>ISVPRODID.</summary>
    public ushort IsvProdId { get; init; }

    /// <summary>ISVSVN.</summary>
    public ushort IsvSvn { get; init; }

    /// <summary>REPORTDATA, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ReportData { get; init; } = new byte[64];

    /// <summary>The 384 bytes.</summary>
    public byte[] Encode()
    {
        byte[] body = new byte[384];
        Span<byte> span = body;
        CpuSvn.Span.CopyTo(span);
        BinaryPrimitives.WriteUInt32LittleEndian(span[16..], MiscSelect);
        BinaryPrimitives.WriteUInt64LittleEndian(span[48..], Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(span[56..], Xfrm);
        MrEnclave.Span.CopyTo(span[64..96]);
        MrSigner.Span.CopyTo(span[128..160]);
        ConfigId.Span.CopyTo(span[192..256]);
        BinaryPrimitives.WriteUInt16LittleEndian(span[256..], IsvProdId);
        BinaryPrimitives.WriteUInt16LittleEndian(span[258..], IsvSvn);
        ReportData.Span.CopyTo(span[320..384]);
        return body;
    }
}
