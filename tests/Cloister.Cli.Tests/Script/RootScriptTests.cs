using System.Diagnostics;
using System.Globalization;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Script;

[Collection(nameof(Alone))]
public sealed class RootScriptTests : IDisposable
{
    private readonly ScriptCopy _script = new();

    public void Dispose() => _script.Dispose();

    [Fact]
    public async Task First_uses_at_the_same_time_build_once()
    {
        CliResult[] results = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _script.RunAsync("0")));

        Assert.All(results, result => Assert.Equal(ExitCode.Done, result.ExitCode));
        Assert.Equal(1, _script.Builds);
        Assert.Single(results, result => result.Errors.Contains("building", StringComparison.Ordinal));
        CliResult later = await _script.RunAsync("0");
        Assert.Equal("", later.Errors);
        Assert.Equal(1, _script.Builds);
    }

    [Fact]
    public async Task Exit_codes_and_arguments_pass_through()
    {
        CliResult result = await _script.RunAsync("7", "a b", "*", "");

        Assert.Equal(7, result.ExitCode);
        Assert.EndsWith("args 7 a b * \n", result.Output, StringComparison.Ordinal);
    }

    // Build servers outlive the first build: they must not hold the lock.
    [Fact]
    public async Task A_changed_source_is_built_again()
    {
        await _script.RunAsync("0");
        _script.ChangeSource();

        Assert.Equal(ExitCode.Done, (await _script.RunAsync("0")).ExitCode);
        Assert.Equal(2, _script.Builds);
    }

    [Fact]
    public async Task A_broken_build_says_why_and_the_next_use_tries_again()
    {
        _script.BreakBuild();
        CliResult broken = await _script.RunAsync("0");
        Assert.Equal(ExitCode.Usage, broken.ExitCode);
        Assert.Equal("", broken.Output);
        Assert.Contains("error CS0001: broken", broken.Errors, StringComparison.Ordinal);
        Assert.Contains("the build failed", broken.Errors, StringComparison.Ordinal);

        _script.RepairBuild();
        Assert.Equal(ExitCode.Done, (await _script.RunAsync("0")).ExitCode);
    }

    [Fact]
    public async Task Signals_reach_the_program()
    {
        using Process process = _script.Start("wait");
        string line = (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!;

        // The program has taken the script's place.
        Assert.Equal(process.Id, int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
        using Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        Assert.Equal(128 + CliProcess.SigTerm, process.ExitCode);
    }
}
