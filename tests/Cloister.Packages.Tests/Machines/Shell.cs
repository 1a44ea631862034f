using System.Diagnostics;
using System.Reflection;

namespace Cloister.Packages.Tests.Machines;

/// <summary>What a program said, and how it ended.</summary>
internal sealed record Said(int ExitCode, string Output, string Errors)
{
    internal string MustSucceed()
    {
        Assert.True(ExitCode == 0, ToString());
        return Output.TrimEnd();
    }
}

/// <summary>Programs of this machine.</summary>
internal static class Shell
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    internal static string Repository { get; } =
        typeof(Shell).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    internal static string InRepository(params string[] parts) => Path.Combine([Repository, .. parts]);

    /// <summary>Whether a program is on the path.</summary>
    internal static bool Has(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>Runs a program to its end.</summary>
    internal static async Task<Said> RunAsync(string program, params IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return new Said(process.ExitCode, await output, await errors);
    }

    /// <summary>Runs a script of bash that ends at the first failure.</summary>
    internal static Task<Said> BashAsync(string script) => RunAsync("bash", "-euo", "pipefail", "-c", script);
}
