using System.Reflection;
using System.Text.Json.Nodes;

namespace Cloister.LaunchMeasurement.Tests;

/// <summary>What tests read.</summary>
internal static class Files
{
    internal static JsonNode Vectors { get; } = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "launch-measurement-v1.json")))!;

    /// <summary>The vectors' image.</summary>
    internal static LaunchImage Image { get; } = new(
        Bytes(Vectors["image"]!["kernel"]), [.. Vectors["image"]!["initrd"]!.AsArray().Select(part => new ReadOnlyMemory<byte>(Bytes(part)))], (string)Vectors["image"]!["commandLine"]!);

    /// <summary>Any image.</summary>
    internal static LaunchImage AnyImage { get; } = new(new byte[] { 1 }, [], "");

    internal static string RepositoryRoot { get; } =
        typeof(Files).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "RepositoryRoot").Value!;

    internal static byte[] Published(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Published", name));

    internal static byte[] SnpFirmware() => Bytes(Vectors["snp"]!["firmware"]);

    internal static byte[] TdxFirmware(int index = 0) => Bytes(Vectors["tdx"]!["firmware"]![index]!["file"]);

    internal static byte[] Bytes(JsonNode? base64) => Convert.FromBase64String((string)base64!);
}
