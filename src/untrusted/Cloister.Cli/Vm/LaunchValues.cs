using System.Security.Cryptography;
using Cloister.LaunchMeasurement;
using Cloister.LaunchMeasurement.Nitro;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.Cli.Vm;

/// <summary>One reference value.</summary>
/// <param name="Name">As <c>cloister policy from-measurement</c> calls it, such as <c>rtmr1</c>.</param>
/// <param name="Value">Lower-case hex; null: it is not computed.</param>
/// <param name="Note">What it covers, or why it is not computed and what to do.</param>
internal sealed record LaunchValue(string Name, string? Value, string Note);

/// <summary>The reference values of a launch.</summary>
internal static class LaunchValues
{
    /// <summary>Names of all values that are computed for any TEE.</summary>
    internal static readonly string[] Computed = ["measurement", "mrtd", "rtmr1", "rtmr2", "pcr0", "pcr1", "pcr2", "pcr8"];

    private const string NotRtmr0 =
        "the host chooses what is in it (memory size, ACPI tables, SMBIOS, boot options), and the firmware's version which events there are: "
        + "read it from a machine that you trust ('cloister evidence show') and give it with --rtmr0, or waive it knowingly with --any rtmr0";

    internal static IReadOnlyList<LaunchValue> Snp(byte[] firmware, LaunchImage image, SnpMachine machine) =>
        [Of("measurement", SnpLaunch.Measure(firmware, image, machine), "firmware, state of each vCPU, kernel, initrd, command line")];

    internal static IReadOnlyList<LaunchValue> Tdx(byte[] firmware, LaunchImage image) =>
    [
        Of("mrtd", TdxLaunch.MeasureFirmware(firmware), "firmware"),
        new("rtmr0", null, NotRtmr0),
        Of("rtmr1", TdxLaunch.MeasureKernel(image), "kernel, started by QEMU 10.2 or newer"),
        Of("rtmr2", TdxLaunch.MeasureCommandLine(image), "command line, initrd"),
    ];

    internal static IReadOnlyList<LaunchValue> Nitro(LaunchImage image)
    {
        NitroRegisters registers = NitroImage.Measure(image);
        return
        [
            Of("pcr0", registers.Pcr0, "kernel, command line, initrd"),
            Of("pcr1", registers.Pcr1, "kernel, command line, first part of the initrd"),
            Of("pcr2", registers.Pcr2, "further parts of the initrd"),
            new("pcr3", null, "IAM role of the parent: give it with --pcr3, or waive it with --any pcr3"),
            new("pcr4", null, "instance of the parent: give it with --pcr4, or waive it with --any pcr4"),
            Of("pcr8", new byte[SHA384.HashSizeInBytes], "the image is not signed"),
        ];
    }

    private static LaunchValue Of(string name, byte[] value, string covers) => new(name, Convert.ToHexStringLower(value), covers);
}
