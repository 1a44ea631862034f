using System.Diagnostics;
using System.Security.Cryptography;
using Cloister.Cli.Brokers;

namespace Cloister.Cli.Demo;

/// <summary>A token of SoftHSM2 in a folder, as the key store of a development broker. secrets: its PIN lies in the folder.</summary>
internal static class SoftHsmToken
{
    private const string Label = "cloister-demo";
    private const string Tool = "softhsm2-util";
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly string[] Libraries =
    [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ];

    /// <summary>Why there is none on this machine, or null.</summary>
    internal static string? Missing => Library is null || ToolPath is null ? $"SoftHSM2 ({Tool} and libsofthsm2.so) is not installed" : null;

    private static string? Library => Array.Find(Libraries, File.Exists);

    private static string? ToolPath => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, Tool)).FirstOrDefault(File.Exists);

    /// <summary>Makes a token in a new folder.</summary>
    /// <returns>How a broker uses it.</returns>
    /// <exception cref="CliException">SoftHSM refuses.</exception>
    internal static async Task<DevelopmentBrokerOptions> MakeAsync(string folder, CancellationToken cancellation)
    {
        string tokens = Directory.CreateDirectory(Path.Combine(folder, "tokens")).FullName;
        string configuration = Path.Combine(folder, "softhsm2.conf");
        string pinFile = Path.Combine(folder, "pin");
        string pin = RandomNumberGenerator.GetHexString(16);
        await File.WriteAllTextAsync(configuration, $"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n", cancellation);
        await using (FileStream stream = new(pinFile, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
        await using (StreamWriter writer = new(stream))
        {
            await writer.WriteAsync(pin);
        }

        // The tool takes PINs from its command line or a terminal; this one is of a token that goes with the demonstration.
        ProcessStartInfo start = new(ToolPath!, ["--init-token", "--free", "--label", Label, "--so-pin", RandomNumberGenerator.GetHexString(16), "--pin", pin])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["SOFTHSM2_CONF"] = configuration;
        using Process process = Process.Start(start) ?? throw new CliException($"{Tool} cannot be started");
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode == 0
            ? new DevelopmentBrokerOptions
            {
                KeyStore = $$"""keyStore: { pkcs11: { library: "{{Library}}", token: {{Label}}, pinFile: "{{pinFile}}" } }""",
                KeptIn = "pkcs11",
                Environment = new Dictionary<string, string> { ["SOFTHSM2_CONF"] = configuration },
            }
            : throw new CliException($"{Tool} makes no token: {(await errors).Trim()}");
    }
}
