namespace Cloister.Conformance.Harness;

/// <summary>What a program that ran to its end came to.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    public bool Succeeded => ExitCode == 0;

    public string EnsureSuccess() =>
        Succeeded ? Output : throw new InvalidOperationException($"exit status {ExitCode}: {Error}{Output}");
}
