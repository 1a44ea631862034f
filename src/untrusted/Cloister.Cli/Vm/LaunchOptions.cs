using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;
using Cloister.LaunchMeasurement;

namespace Cloister.Cli.Vm;

/// <summary>The options that say what is booted: a folder that <c>make enclave-vm</c> left, files in place of those in it, and more of an initrd.</summary>
internal sealed class LaunchOptions
{
    private readonly Option<string?> _image = new("--image") { Description = $"folder that 'make enclave-vm' left, with {VmImage.KernelFile}, {VmImage.InitrdFile}, {VmImage.CommandLineFile} and {VmImage.ManifestFile}" };
    private readonly Option<string?> _kernel = new("--kernel") { Description = "bzImage, in place of the image's" };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "initrd, in place of the image's: such as the one with the configuration that a machine is started with" };
    private readonly Option<string[]> _append = new("--initrd-append") { Description = "file that follows the initrd as it is (Nitro: in a section of its own); may be repeated" };
    private readonly Option<string?> _commandLine = new("--cmdline") { Description = "the kernel's command line, in place of the image's" };

    internal IEnumerable<Option> All => [_image, _kernel, _initrd, _append, _commandLine];

    /// <summary>Reads what was given.</summary>
    /// <exception cref="CliException">Something is missing, is not what the manifest says, or cannot be booted.</exception>
    internal LaunchImage Read(ParseResult parsed)
    {
        string? folder = parsed.GetValue(_image);
        JsonNode? manifest = folder is null ? null : Manifest(folder);
        byte[] Part(Option<string?> option, string name, int limit) => (parsed.GetValue(option), folder) switch
        {
            ({ } path, _) => BoundedFile.Read(path, limit, option.Name),
            (null, { } from) => Checked(manifest!, from, name, limit),
            _ => throw new CliException($"--image FOLDER, or {option.Name}, is needed"),
        };
        string commandLine = parsed.GetValue(_commandLine) ?? Encoding.Latin1.GetString(Part(_commandLine, VmImage.CommandLineFile, LaunchImage.MaximumCommandLine));
        ReadOnlyMemory<byte>[] ramdisks =
        [
            Part(_initrd, VmImage.InitrdFile, LaunchImage.MaximumInitrd), .. (parsed.GetValue(_append) ?? []).Select(path => (ReadOnlyMemory<byte>)BoundedFile.Read(path, LaunchImage.MaximumInitrd, _append.Name)),
        ];
        return new LaunchImage(Part(_kernel, VmImage.KernelFile, LaunchImage.MaximumKernel), ramdisks, commandLine);
    }

    private static JsonNode Manifest(string folder)
    {
        string path = Path.Combine(folder, VmImage.ManifestFile);
        try
        {
            JsonNode manifest = JsonNode.Parse(BoundedFile.Read(path, 1 << 20, "--image"))!;
            return (int)manifest["format"]! == 1 ? manifest : throw new CliException($"{path} has another format than 1: it is of another version of Cloister");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new CliException($"{path} is no manifest of an image: 'make enclave-vm' writes one");
        }
    }

    // What is measured is what was built.
    private static byte[] Checked(JsonNode manifest, string folder, string name, int limit)
    {
        string path = Path.Combine(folder, name);
        byte[] bytes = BoundedFile.Read(path, limit, "--image");
        return VmImage.IsAsBuilt(manifest, name, bytes)
            ? bytes
            : throw new CliException($"{path} is not what {VmImage.ManifestFile} beside it says: build the image again with 'make enclave-vm', or name the file itself");
    }
}

/// <summary>Files of people's choice, which may be no files at all.</summary>
internal static class BoundedFile
{
    /// <summary>Reads a file whole.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="limit">It has at most this many bytes.</param>
    /// <param name="option">The option that names it.</param>
    /// <exception cref="CliException">It has more.</exception>
    internal static byte[] Read(string path, int limit, string option)
    {
        using FileStream stream = File.OpenRead(path);
        if (stream.CanSeek && stream.Length > limit)
        {
            throw new CliException($"{option} {CliOutput.Shown(path)}: has more than {limit} bytes");
        }

        // A device says that it has none, and a file may grow.
        using MemoryStream read = new(stream.CanSeek ? (int)stream.Length : 0);
        byte[] buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and int count)
        {
            if (read.Length + count > limit)
            {
                throw new CliException($"{option} {CliOutput.Shown(path)}: has more than {limit} bytes");
            }

            read.Write(buffer, 0, count);
        }

        return read.ToArray();
    }
}
