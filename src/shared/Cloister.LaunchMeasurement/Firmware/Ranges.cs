namespace Cloister.LaunchMeasurement.Firmware;

/// <summary>Guest memory that a firmware file asks for: each page once, and not without end.</summary>
internal static class Ranges
{
    /// <summary>All sections together have at most this many bytes, so that a file of a few bytes cannot ask for hours of work.</summary>
    internal const ulong MaximumTotal = 256ul << 20;

    /// <summary>Refuses sections that are no whole pages, overlap, or are too large together.</summary>
    internal static void Check(IReadOnlyList<(ulong Address, ulong Size)> sections)
    {
        ulong total = 0;
        (ulong Address, ulong Size)? before = null;
        foreach ((ulong address, ulong size) in sections.OrderBy(section => section.Address))
        {
            if (size == 0 || size % FirmwareFile.PageSize != 0 || address % FirmwareFile.PageSize != 0)
            {
                throw FirmwareFile.Wrong($"its section at 0x{address:x} with 0x{size:x} bytes is not made of whole pages");
            }

            if (size > MaximumTotal || (total += size) > MaximumTotal)
            {
                throw FirmwareFile.Wrong($"its sections have more than {MaximumTotal >> 20} MiB together");
            }

            if (address > ulong.MaxValue - size)
            {
                throw FirmwareFile.Wrong($"its section at 0x{address:x} goes beyond the end of memory");
            }

            if (before is { } other && other.Address + other.Size > address)
            {
                throw FirmwareFile.Wrong($"its sections at 0x{other.Address:x} and 0x{address:x} overlap");
            }

            before = (address, size);
        }
    }
}
