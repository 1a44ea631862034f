namespace Cloister.Conformance.Harness;

/// <summary>What etcd has on disk: database, write-ahead log, snapshots.</summary>
internal static class EtcdFiles
{
    /// <summary>A copy of a data folder that is in use: .NET does not open files that another process has locked.</summary>
    public static async Task<string> CopyAsync(string dataFolder, CancellationToken cancellation)
    {
        string copy = $"{dataFolder}-copy-{Guid.NewGuid()}";
        (await Command.RunAsync("cp", ["-r", dataFolder, copy], cancellation)).EnsureSuccess();
        return copy;
    }

    /// <summary>The files of a folder that hold some bytes.</summary>
    public static IReadOnlyList<string> With(byte[] bytes, string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => File.ReadAllBytes(file).AsSpan().IndexOf(bytes) >= 0)];
}
