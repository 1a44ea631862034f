namespace Cloister.LaunchMeasurement.Nitro;

/// <summary>CRC-32 of IEEE 802.3 (reflected, polynomial 0xEDB88320), which the platform has in no package used here. It finds accidents; nothing rests on it.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(i => Step((uint)i))];

    /// <summary>Goes on from the checksum of what came before; 0 at the start.</summary>
    internal static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        foreach (byte value in bytes)
        {
            crc = Table[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint Step(uint value)
    {
        for (int bit = 0; bit < 8; bit++)
        {
            value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ 0xEDB88320;
        }

        return value;
    }
}
