using System.Globalization;

namespace Cloister.Enclave.Tests.Support;

/// <summary>What <c>--needs</c> says of a configuration, and the environment that deploy/gramine/measure makes of it.</summary>
internal sealed class EnclaveFigures
{
    private readonly Dictionary<string, long> _figures;

    private EnclaveFigures(Dictionary<string, long> figures)
    {
        _figures = figures;
    }

    internal long Threads => _figures["threads"];

    internal long Descriptors => _figures["descriptors"];

    internal string[] Environment =>
    [
        $"DOTNET_GCHeapHardLimit={_figures["heap"]:x}", $"DOTNET_GCRegionRange={_figures["regions"]:x}", "DOTNET_GCRegionSize=100000", "DOTNET_GCgen0size=400000",
        "DOTNET_gcConcurrent=0", "MALLOC_ARENA_MAX=1",
    ];

    internal static async Task<EnclaveFigures> OfAsync(string program, string configuration)
    {
        using EnclaveProcess process = EnclaveProcess.Start(program, "--needs", "--config", configuration);
        Assert.True(await process.ExitAsync(TimeSpan.FromSeconds(60)) == 0, process.Error);
        return new EnclaveFigures(process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(
            parts => parts[0], parts => long.Parse(parts[1], CultureInfo.InvariantCulture)));
    }
}
