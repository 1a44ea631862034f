using System.Diagnostics;
using System.Reflection;

namespace Cloister.Build.Tests;

/// <summary>A small repository with this one's build files, in which projects can break the rules.</summary>
internal sealed class ScratchRepository : IDisposable
{
    /// <summary>The repository of these tests.</summary>
    internal static readonly string Original =
        typeof(ScratchRepository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    private readonly string _root = Directory.CreateTempSubdirectory("cloister-build-").FullName;

    internal ScratchRepository()
    {
        foreach (string file in (string[])["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", ".editorconfig"])
        {
            File.Copy(Path.Combine(Original, file), Path.Combine(_root, file));
        }

        Directory.CreateDirectory(Path.Combine(_root, "eng"));
        foreach (string file in Directory.GetFiles(Path.Combine(Original, "eng"), "*.t*"))
        {
            File.Copy(file, Path.Combine(_root, "eng", Path.GetFileName(file)));
        }
    }

    /// <summary>Adds a library.</summary>
    /// <param name="project">Path from the root, such as <c>src/trusted/A</c>.</param>
    /// <param name="items">Items of its project file.</param>
    /// <param name="code">Body of a method of its one class.</param>
    internal void Add(string project, string items = "", string code = "")
    {
        string name = Path.GetFileName(project);
        string folder = Directory.CreateDirectory(Path.Combine(_root, project)).FullName;
        File.WriteAllText(Path.Combine(folder, name + ".csproj"), $"<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup>{items}</ItemGroup></Project>\n");
        File.WriteAllText(Path.Combine(folder, name + ".cs"), $$"""
            namespace Scratch.{{name}};

            /// <summary>Tried by the build.</summary>
            public static class {{name[(name.LastIndexOf('.') + 1)..]}}Code
            {
                /// <summary>Tried by the build.</summary>
                public static object Value()
                {
                    {{(code.Length > 0 ? code : "return 1;")}}
                }
            }

            """);
    }

    /// <summary>Builds a project.</summary>
    internal (int ExitCode, string Output) Build(string project)
    {
        ProcessStartInfo start = new("dotnet", ["build", Path.Combine(_root, project), "--nologo", "-v", "quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _root,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
