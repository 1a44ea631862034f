using System.Text.RegularExpressions;

namespace Cloister.Build.Tests;

/// <summary>The Go package of the secrets service has what the service has: nothing in the build generates it.</summary>
public sealed partial class GoServiceTests
{
    [Fact]
    public void It_has_every_call_message_field_and_outcome()
    {
        string proto = Read("proto/cloister/secrets.proto");
        string messages = Read("integrations/apiserver/secretsv1/secrets.pb.go");
        string calls = Read("integrations/apiserver/secretsv1/secrets_grpc.pb.go");

        string[] expected =
        [
            .. Call().Matches(proto).Select(call => $"FullMethodName = \"/cloister.secrets.v1.Secrets/{call.Groups[1].Value}\""),
            .. Message().Matches(proto).Select(message => $"type {message.Groups[1].Value} struct {{"),
            .. Field().Matches(proto).Select(field => $",{field.Groups[3].Value},{(field.Groups[1].Success ? "rep" : "opt")},name={field.Groups[2].Value},"),
            .. Outcome().Matches(proto).Select(outcome => $"\"{outcome.Groups[1].Value}\": "),
        ];
        Assert.True(expected.Length > 40);
        Assert.All(expected, text => Assert.Contains(Spaces().Replace(text, ""), Spaces().Replace(calls + messages, ""), StringComparison.Ordinal));
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(ScratchRepository.Original, path));

    [GeneratedRegex(@"^  rpc (\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Call();

    [GeneratedRegex(@"^message (\w+) ", RegexOptions.Multiline)]
    private static partial Regex Message();

    [GeneratedRegex(@"^  (repeated )?\w+ (\w+) = (\d+);", RegexOptions.Multiline)]
    private static partial Regex Field();

    [GeneratedRegex(@"^  (OUTCOME_\w+) = \d+;", RegexOptions.Multiline)]
    private static partial Regex Outcome();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
