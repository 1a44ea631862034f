using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Policies;
using Cloister.Cli.Policy;

namespace Cloister.Cli.Vm;

/// <summary>What was written.</summary>
/// <param name="File">The policy's file.</param>
/// <param name="Missing">Rules of the section that the file still has to state: it refuses because of them.</param>
internal sealed record PolicyOutcome(string File, IReadOnlyList<string> Missing);

/// <summary>The file of an AppraisalPolicy that accepts a measured machine: a new one, or one that is there with the values beside those in it.</summary>
internal static class MeasuredPolicyFile
{
    private const int MaximumLength = 1 << 20;

    /// <summary>Writes it. The reader that judges evidence has read the text before a file is touched.</summary>
    /// <exception cref="CliException">The file is there and was not to be added to, cannot be added to, or a value is not acceptable. Nothing was changed.</exception>
    internal static PolicyOutcome Write(
        string path, bool add, Tee tee, IReadOnlyList<LaunchValue> values, MeasurementOptions stated, string name, IReadOnlyList<string> configurations, IReadOnlyList<string> waived)
    {
        foreach (LaunchValue value in values.Where(value => value.Value is not null))
        {
            stated.Compute(value.Name, value.Value!);
        }

        List<byte[]> files = [.. configurations.Select(file => BoundedFile.Read(file, MaximumLength, "--bind"))];
        if (files.Count > 0 && tee == Tee.Nitro)
        {
            throw new CliException("--bind says nothing for --tee nitro: there the configuration is part of the image");
        }

        MeasuredPolicy policy = new MeasuredPolicy(tee, MeasuredSection.For(tee, stated, files)).Waiving(waived);
        return add ? Add(path, policy) : Create(path, policy.ToAppraisalPolicy(name), tee);
    }

    private static PolicyOutcome Create(string path, string text, Tee tee)
    {
        IReadOnlyList<string> missing = Section(text, tee, "a value is not acceptable").Missing;
        if (Path.Exists(path))
        {
            throw new CliException($"{path} is there already: --add puts the values beside those in it; otherwise name another file");
        }

        using FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write);
        stream.Write(Encoding.UTF8.GetBytes(text));
        return new PolicyOutcome(path, missing);
    }

    private static PolicyOutcome Add(string path, MeasuredPolicy policy)
    {
        string file = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        byte[] bytes = BoundedFile.Read(file, MaximumLength, "--policy");
        string old;
        try
        {
            old = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new CliException($"{path} is no text in UTF-8");
        }

        if (AppraisalPolicyReader.Read(old) is { IsValid: false } invalid)
        {
            throw new CliException($"{path} is no AppraisalPolicy to add to: {string.Join("; ", invalid.Errors.Select(error => $"line {error.Line}: {error.Path}: {error.Problem}"))}");
        }

        string text = PolicyTextEdit.Add(old, policy);
        IReadOnlyList<string> missing = Section(text, policy.Tee, $"{path} cannot be added to by a program: write the values into it").Missing;
        if (text != old)
        {
            // Beside it, and then in its place: nobody reads half of one.
            string beside = file + ".new";
            using (FileStream stream = new(beside, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = File.GetUnixFileMode(file) }))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, file, overwrite: true);
        }

        return new PolicyOutcome(path, missing);
    }

    private static PolicySection Section(string text, Tee tee, string problem)
    {
        PolicyReadResult read = AppraisalPolicyReader.Read(text);
        return read.IsValid
            ? read.Policy.Sections.Single(section => section.Tee == tee)
            : throw new CliException($"{problem}: {string.Join("; ", read.Errors.Select(error => $"{error.Path}: {error.Problem}"))}");
    }
}
