using System.Globalization;

namespace Cloister.LaunchMeasurement.Snp;

/// <summary>The CPUID signature (leaf 1, EAX) that QEMU's model of a processor has: QEMU puts it into RDX of each vCPU, so it is measured. The processor of the host is not.</summary>
public static class SnpCpu
{
    // QEMU, target/i386/cpu.c: family, model, stepping of its models. Versions of a model (-v1, -v2) differ in features only.
    private static readonly (string Model, uint Family, uint Number, uint Stepping)[] Known =
    [
        ("EPYC", 23, 1, 2), ("EPYC-IBPB", 23, 1, 2), ("EPYC-Rome", 23, 49, 0), ("EPYC-Milan", 25, 1, 1), ("EPYC-Genoa", 25, 17, 0), ("EPYC-Turin", 26, 0, 0),
    ];

    /// <summary>Names that <see cref="TryParse"/> takes, each also with <c>-vN</c>.</summary>
    public static IReadOnlyList<string> Models { get; } = [.. Known.Select(one => one.Model)];

    /// <summary>Reads a name of QEMU's, such as <c>EPYC-Milan-v2</c>, or a signature such as <c>0xa00f11</c>.</summary>
    public static bool TryParse(string text, out uint signature)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out signature) && signature != 0;
        }

        int version = text.LastIndexOf("-v", StringComparison.OrdinalIgnoreCase);
        string model = version > 0 && text.Length is var length && length - version is 3 or 4 && text.AsSpan(version + 2).IndexOfAnyExceptInRange('0', '9') < 0 ? text[..version] : text;
        (string? found, uint family, uint number, uint stepping) = Array.Find(Known, one => string.Equals(one.Model, model, StringComparison.OrdinalIgnoreCase));
        signature = found is null ? 0 : Signature(family, number, stepping);
        return found is not null;
    }

    // AMD, CPUID specification: family above 15 goes into the extended field.
    private static uint Signature(uint family, uint model, uint stepping) =>
        ((family - 15) << 20) | ((model >> 4) << 16) | (15u << 8) | ((model & 15) << 4) | stepping;
}
