namespace Cloister.Simulator.Dcap;

/// <summary>Fields of a simulated TD report, version 1.0 or 1.5.</summary>
public sealed record TdReportFields
{
    /// <summary>TEE_TCB_SVN, 16 bytes: module, module version, SEAM loader.</summary>
    public ReadOnlyMemory<byte> TeeTcbSvn { get; init; } = new byte[] { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

    /// <summary>MRSEAM, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrSeam { get; init; } = new byte[48];

    /// <summary>MRSIGNERSEAM, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrSignerSeam { get; init; } = new byte[48];

    /// <summary>SEAMATTRIBUTES, 8 bytes.</summary>
    public ReadOnlyMemory<byte> SeamAttributes { get; init; } = new byte[8];

    /// <summary>TDATTRIBUTES, 8 bytes; bit 0 is DEBUG, bit 28 SEPT_VE_DISABLE.</summary>
    public ReadOnlyMemory<byte> TdAttributes { get; init; } = new byte[] { 0, 0, 0, 0x10, 0, 0, 0, 0 };

    /// <summary>XFAM, 8 bytes.</summary>
    public ReadOnlyMemory<byte> Xfam { get; init; } = new byte[] { 0xE7, 0x02, 0x06, 0, 0, 0, 0, 0 };

    /// <summary>MRTD, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrTd { get; init; } = new byte[48];

    /// <summary>MRCONFIGID, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrConfigId { get; init; } = new byte[48];

    /// <summary>RTMR0 to RTMR3, 192 bytes.</summary>
    public ReadOnlyMemory<byte> Rtmrs { get; init; } = new byte[192];

    /// <summary>REPORTDATA, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ReportData { get; init; } = new byte[64];

    /// <summary>TEE_TCB_SVN2, 16 bytes; empty for version 1.0.</summary>
    public ReadOnlyMemory<byte> TeeTcbSvn2 { get; init; }

    /// <summary>MRSERVICETD, 48 bytes, version 1.5 only.</summary>
    public ReadOnlyMemory<byte> MrServiceTd { get; init; } = new byte[48];

    /// <summary>The 584 or 648 bytes.</summary>
    public byte[] Encode()
    {
        byte[] body = new byte[TeeTcbSvn2.IsEmpty ? 584 : 648];
        Span<byte> span = body;
        TeeTcbSvn.Span.CopyTo(span[..16]);
        MrSeam.Span.CopyTo(span[16..64]);
        MrSignerSeam.Span.CopyTo(span[64..112]);
        SeamAttributes.Span.CopyTo(span[112..120]);
        TdAttributes.Span.CopyTo(span[120..128]);
        Xfam.Span.CopyTo(span[128..136]);
        MrTd.Span.CopyTo(span[136..184]);
        MrConfigId.Span.CopyTo(span[184..232]);
        Rtmrs.Span.CopyTo(span[328..520]);
        ReportData.Span.CopyTo(span[520..584]);
        if (!TeeTcbSvn2.IsEmpty)
        {
            TeeTcbSvn2.Span.CopyTo(span[584..600]);
            MrServiceTd.Span.CopyTo(span[600..648]);
        }

        return body;
    }

    /// <summary>The TDREPORT of 1024 bytes that the module would have given, without a MAC.</summary>
    public byte[] EncodeTdReport()
    {
        byte[] report = new byte[1024];
        Span<byte> span = report;
        byte[] body = Encode();
        span[0] = 0x81;
        ReportData.Span.CopyTo(span[128..]);
        body.AsSpan(0, 120).CopyTo(span[264..]);
        body.AsSpan(120, 400).CopyTo(span[512..]);
        return report;
    }
}
