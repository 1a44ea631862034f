namespace Cloister.Enclave.Tests.Support;

/// <summary>A folder of its own for one test, mode 0700, removed afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    internal TestFolder()
    {
        Path = Directory.CreateTempSubdirectory("cloister-").FullName;
    }

    internal string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    internal string File(string name) => System.IO.Path.Combine(Path, name);
}
