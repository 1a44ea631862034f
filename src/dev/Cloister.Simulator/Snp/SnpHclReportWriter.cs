using System.Buffers.Binary;

namespace Cloister.Simulator.Snp;

/// <summary>Writes the report that Azure's paravisor leaves in the vTPM: header, SNP report or TDREPORT, runtime data.</summary>
public static class SnpHclReportWriter
{
    private const int HeaderLength = 32;
    private const int ReportAreaLength = 1184;
    private const int RuntimeHeaderLength = 20;

    /// <summary>Writes it, with zeros behind as in the NV index.</summary>
    /// <param name="report">The signed report; its report data should be the SHA-256 of <paramref name="runtimeData"/>.</param>
    /// <param name="runtimeData">The runtime data, JSON.</param>
    /// <param name="isTdx">The report is a TDREPORT of 1024 bytes.</param>
    public static byte[] Write(ReadOnlySpan<byte> report, ReadOnlySpan<byte> runtimeData, bool isTdx = false)
    {
        int length = HeaderLength + ReportAreaLength + RuntimeHeaderLength + runtimeData.Length;
        byte[] bytes = new byte[length + 100];
        Span<byte> rest = bytes;
        "HCLA"u8.CopyTo(rest);
        WriteNumbers(rest[4..], 2, length, 2, 0);
        rest = rest[HeaderLength..];
        report.CopyTo(rest);
        rest = rest[ReportAreaLength..];
        WriteNumbers(rest, RuntimeHeaderLength + runtimeData.Length, 1, isTdx ? 4 : 2, 1, runtimeData.Length);
        runtimeData.CopyTo(rest[RuntimeHeaderLength..]);
        return bytes;
    }

    private static void WriteNumbers(Span<byte> destination, params ReadOnlySpan<int> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(destination[(4 * i)..], numbers[i]);
        }
    }
}
