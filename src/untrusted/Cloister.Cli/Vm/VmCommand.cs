using System.CommandLine;

namespace Cloister.Cli.Vm;

/// <summary><c>cloister vm</c>: an enclave in a virtual machine of its own.</summary>
internal static class VmCommand
{
    internal static Command Create() => new("vm", "An enclave in a virtual machine of its own.")
    {
        RunCommand.Create(),
        MeasureCommand.Create(),
        EifCommand.Create(),
        ArchiveCommand.Create(),
    };
}
