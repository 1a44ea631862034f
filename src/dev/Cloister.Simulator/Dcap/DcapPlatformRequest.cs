namespace Cloister.Simulator.Dcap;

/// <summary>What a simulated platform is to be.</summary>
public sealed record DcapPlatformRequest
{
    /// <summary>FMSPC, 6 bytes.</summary>
    public ReadOnlyMemory<byte> Fmspc { get; init; } = new byte[] { 0x00, 0x53, 0x49, 0x4D, 0x00, 0x00 };

    /// <summary>PCE-ID, 2 bytes.</summary>
    public ReadOnlyMemory<byte> PceId { get; init; } = new byte[2];

    /// <summary>PPID, 16 bytes.</summary>
    public ReadOnlyMemory<byte> Ppid { get; init; } = new byte[] { 0x70, 0x70, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

    /// <summary>Platform instance id, 16 bytes; empty: the Processor CA issues.</summary>
    public ReadOnlyMemory<byte> PlatformInstanceId { get; init; } = new byte[] { 0x69, 0x64, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };

    /// <summary>Which authority issues; differs from what the instance id asks for only to break things.</summary>
    public bool IssuedByPlatformCa { get; init; } = true;

    /// <summary>The 16 components.</summary>
    public ReadOnlyMemory<byte> TcbComponents { get; init; } = new byte[] { 5, 5, 2, 2, 255, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0 };

    /// <summary>PCESVN.</summary>
    public int PceSvn { get; init; } = 13;

    /// <summary>SGX type, 0 to 2.</summary>
    public int SgxType { get; init; } = 1;

    /// <summary>Common name of the PCK certificate.</summary>
    public string PckCommonName { get; init; } = "Simulated SGX PCK Certificate";

    /// <summary>First moment of the PCK certificate; null: that of its authority.</summary>
    public DateTimeOffset? PckNotBefore { get; init; }

    /// <summary>Last moment of the PCK certificate; null: seven years later.</summary>
    public DateTimeOffset? PckNotAfter { get; init; }
}
