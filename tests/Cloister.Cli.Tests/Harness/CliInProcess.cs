using System.Text;
using Cloister.Cli.Demo;

namespace Cloister.Cli.Tests.Harness;

/// <summary>
/// Commands run in the process of the tests. A start of the program costs half a second of a processor, and there are hundreds of them whose tests are about
/// what a command answers. What ends by a signal, lives on, starts itself again or reads and writes bytes runs as the program that ships.
/// </summary>
internal static class CliInProcess
{
    private static readonly HashSet<string> Separate = ["demo", DemoApiServer.Verb, "dev", "metrics", "relay", "vm"];

    private static readonly TaskWriter Output = new(Console.Out);

    private static readonly TaskWriter Errors = new(Console.Error);

    static CliInProcess()
    {
        Programs.NameThem();
        Console.SetOut(Output);
        Console.SetError(Errors);
        Console.SetIn(TextReader.Null);
    }

    /// <summary>Whether a command may run here.</summary>
    internal static bool Can(string[] arguments) => arguments is [{ } verb, ..] && !Separate.Contains(verb) && arguments is not ["etcd", "decrypt", ..];

    /// <summary>Runs a command to its end.</summary>
    internal static async Task<CliResult> RunAsync(string[] arguments, TimeSpan limit)
    {
        using StringWriter output = new();
        using StringWriter errors = new();
        int code = await Task.Run(async () =>
        {
            Output.Into(output);
            Errors.Into(errors);
            return await CliProgram.RunAsync(CloisterCommand.Create(), arguments);
        }).WaitAsync(limit);
        return new CliResult(code, output.ToString(), errors.ToString().TrimEnd() + "\n");
    }

    /// <summary>Writes to what the task that writes was given: tests run beside each other.</summary>
    private sealed class TaskWriter(TextWriter otherwise) : TextWriter
    {
        private readonly AsyncLocal<TextWriter?> _target = new();

        public override Encoding Encoding => otherwise.Encoding;

        public override void Write(char value) => Target.Write(value);

        public override void Write(string? value) => Target.Write(value);

        public override void Write(char[] buffer, int index, int count) => Target.Write(buffer, index, count);

        internal void Into(TextWriter target) => _target.Value = Synchronized(target);

        private TextWriter Target => _target.Value ?? otherwise;
    }
}
