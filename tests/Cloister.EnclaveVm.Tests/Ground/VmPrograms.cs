using System.Reflection;
using Cloister.Conformance.Harness;

namespace Cloister.EnclaveVm.Tests.Ground;

/// <summary>What <c>make publish</c> and <c>make enclave-vm</c> left.</summary>
internal static class VmPrograms
{
    internal static string Cli { get; } = Metadata("Cli");

    /// <summary>The image with the real enclave.</summary>
    internal static string Image { get; } = Metadata("Image");

    /// <summary>The image with the simulated enclave.</summary>
    internal static string SimulatedImage { get; } = Path.Combine(Image, "dev");

    /// <summary>Skips the test where the image or QEMU is not to be had.</summary>
    internal static void Require()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/qemu-system-x86_64"), "qemu-system-x86 is not installed: make setup");
        Assert.SkipUnless(File.Exists(Path.Combine(SimulatedImage, "manifest.json")), $"{SimulatedImage} is not there: make enclave-vm, which says why where its packages cannot be had");
    }

    internal static Task<CommandResult> CliAsync(params IEnumerable<string> arguments) => Command.RunAsync(Cli, arguments, TestContext.Current.CancellationToken);

    private static string Metadata(string key) =>
        typeof(VmPrograms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
