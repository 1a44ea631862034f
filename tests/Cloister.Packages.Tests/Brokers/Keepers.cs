using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Brokers;

/// <summary>Kim, Lou and Max, who keep recovery shares, with the commands of docs/operations.md, "Back up a broker". Their keys are in one folder, which is the current one of each command.</summary>
internal sealed class Keepers(Machine machine, string folder, string keygen, string open)
{
    private static readonly string[] Keys = ["mine", "lou", "max"];

    /// <summary>Each has a key.</summary>
    internal async Task MakeKeysAsync()
    {
        foreach (string key in Keys)
        {
            string line = key == "mine" ? keygen : keygen.Replace("mine", key, StringComparison.Ordinal).Replace("kim", key, StringComparison.Ordinal);
            Assert.Contains("sha256:", await machine.RunAsync($"cd {folder}; {line}"), StringComparison.Ordinal);
        }
    }

    /// <summary>Each opens the one share that is his: which number it has depends on the pins.</summary>
    /// <param name="from">Path of the sealed shares up to <c>share-</c>.</param>
    /// <param name="to">The same of the opened ones.</param>
    internal async Task OpenAsync(string from, string to)
    {
        for (int number = 1; number <= Keys.Length; number++)
        {
            int opened = 0;
            foreach (string key in Keys)
            {
                string line = open.Replace("payments-v2-share-1.jwe", $"{from}share-{number}.jwe", StringComparison.Ordinal)
                    .Replace("--out share-1.txt", $"--out {to}share-{number}.txt", StringComparison.Ordinal).Replace("mine.key", $"{key}.key", StringComparison.Ordinal);
                opened += (await machine.TryAsync($"cd {folder}; {line}")).ExitCode == 0 ? 1 : 0;
            }

            Assert.Equal(1, opened);
        }
    }
}
