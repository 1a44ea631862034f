namespace Cloister.Build.Tests;

public sealed class ZoneGuardTests
{
    [Theory]
    [InlineData("shared", "trusted")]
    [InlineData("trusted", "dev")]
    [InlineData("trusted", "untrusted")]
    [InlineData("untrusted", "trusted")]
    [InlineData("untrusted", "dev")]
    [InlineData("remote", "trusted")]
    [InlineData("remote", "untrusted")]
    public void A_reference_from_one_zone_into_a_forbidden_one_does_not_build(string from, string to)
    {
        using ScratchRepository repository = new();
        repository.Add($"src/{to}/Target");
        repository.Add($"src/{from}/Source", $"<ProjectReference Include=\"../../{to}/Target/Target.csproj\" />");

        (int exitCode, string output) = repository.Build($"src/{from}/Source");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("ZONE001", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Keys", "Custody")]
    [InlineData("Wire", "Keys")]
    [InlineData("Gateway", "Broker")]
    public void A_floor_of_the_enclave_does_not_build_on_one_that_it_does_not_stand_on(string from, string to)
    {
        using ScratchRepository repository = new();
        repository.Add($"src/trusted/Cloister.Enclave.{to}");
        repository.Add($"src/trusted/Cloister.Enclave.{from}", $"<ProjectReference Include=\"../Cloister.Enclave.{to}/Cloister.Enclave.{to}.csproj\" />");

        (int exitCode, string output) = repository.Build($"src/trusted/Cloister.Enclave.{from}");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("FLOOR001", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_floor_that_is_not_in_the_list_does_not_build()
    {
        using ScratchRepository repository = new();
        repository.Add("src/trusted/Cloister.Enclave.Cellar");

        (int exitCode, string output) = repository.Build("src/trusted/Cloister.Enclave.Cellar");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("FLOOR002", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_floor_does_not_see_what_the_one_below_stands_on()
    {
        using ScratchRepository repository = new();
        repository.Add("src/trusted/Cloister.Enclave.Keys", code: "return 1;");
        repository.Add("src/trusted/Cloister.Enclave.Custody", "<ProjectReference Include=\"../Cloister.Enclave.Keys/Cloister.Enclave.Keys.csproj\" />");
        repository.Add(
            "src/trusted/Cloister.Enclave.Gateway",
            "<ProjectReference Include=\"../Cloister.Enclave.Custody/Cloister.Enclave.Custody.csproj\" />",
            code: "return Scratch.Cloister.Enclave.Keys.KeysCode.Value();");

        (int exitCode, string output) = repository.Build("src/trusted/Cloister.Enclave.Gateway");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("CS0234", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Allowed_references_build()
    {
        using ScratchRepository repository = new();
        repository.Add("src/shared/Base");
        repository.Add("src/trusted/Core", "<ProjectReference Include=\"../../shared/Base/Base.csproj\" />");
        repository.Add("src/dev/Sim", "<ProjectReference Include=\"../../trusted/Core/Core.csproj\" />");

        (int exitCode, string output) = repository.Build("src/dev/Sim");

        Assert.True(exitCode == 0, output);
    }

    [Fact]
    public void A_package_outside_the_list_does_not_build_into_the_trusted_zone()
    {
        using ScratchRepository repository = new();
        repository.Add("src/trusted/Core", "<PackageReference Include=\"Spectre.Console\" />");

        (int exitCode, string output) = repository.Build("src/trusted/Core");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("ZONE002", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Nor_does_one_that_comes_through_a_shared_project()
    {
        using ScratchRepository repository = new();
        repository.Add("src/shared/Base", "<PackageReference Include=\"Google.Protobuf\" />");
        repository.Add("src/trusted/Core", "<ProjectReference Include=\"../../shared/Base/Base.csproj\" />");

        (int exitCode, string output) = repository.Build("src/trusted/Core");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("ZONE003", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("return new System.Random();")]
    [InlineData("return System.DateTime.UtcNow;")]
    [InlineData("return System.Diagnostics.Process.GetCurrentProcess();")]
    public void A_banned_API_does_not_build_in_the_trusted_zone(string code)
    {
        using ScratchRepository repository = new();
        repository.Add("src/trusted/Core", code: code);

        (int exitCode, string output) = repository.Build("src/trusted/Core");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("RS0030", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_API_builds_in_the_untrusted_zone()
    {
        using ScratchRepository repository = new();
        repository.Add("src/untrusted/Tool", code: "return System.DateTime.UtcNow;");

        (int exitCode, string output) = repository.Build("src/untrusted/Tool");

        Assert.True(exitCode == 0, output);
    }
}
