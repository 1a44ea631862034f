using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cloister.Broker.Host.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Every line that a broker logs has the form of docs/operations.md, "Terminal and logs", as text or as JSON.</summary>
public sealed partial class LogFormTests
{
    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public async Task EveryLineOfARunHasTheForm(string form)
    {
        using BrokerFolder folder = new();
        string program = typeof(LogFormTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Broker").Value!;
        ProcessStartInfo start = new(program, ["--log-format", form, "--config", folder.WriteConfiguration(), "--stop-with-stdin"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process broker = Process.Start(start)!;
        using CancellationTokenSource limit = new(BrokerProcess.Timeout);
        Task<string> log = broker.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            Assert.StartsWith("ready ", await broker.StandardOutput.ReadLineAsync(limit.Token), StringComparison.Ordinal);
        }
        finally
        {
            broker.StandardInput.Close();
            await broker.WaitForExitAsync(limit.Token);
        }

        string[] lines = (await log).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.True(form == "text" ? TextLine().IsMatch(line) : IsObject(line), line));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhateverTheTextItIsOneLine(bool json)
    {
        using StringWriter output = new();
        LogEntry<string> entry = new(LogLevel.Error, "c", new EventId(9), "a\ud800b\u001b[2J\u202e\"},{\r\nc", new InvalidOperationException("wrong\nhere"), static (text, _) => text);
        new LogLineFormatter(json, TimeProvider.System).Write(entry, null, output);
        string line = output.ToString();
        Assert.Equal(1, line.Count(c => c == '\n'));
        Assert.True(json ? IsObject(line) : TextLine().IsMatch(line), line);
        Assert.Contains("wrong here", line, StringComparison.Ordinal);

        // Nothing in it steers a terminal.
        Assert.All(line.TrimEnd('\n'), c => Assert.False(char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format, line));
    }

    private static bool IsObject(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        JsonElement one = json.RootElement;
        return one.EnumerateObject().Select(member => member.Name).SequenceEqual(["time", "level", "id", "message"])
            && TextLine().IsMatch($"{one.GetProperty("time").GetString()} {one.GetProperty("level").GetString()} {one.GetProperty("id").GetInt32()} {one.GetProperty("message").GetString()}");
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFORMATION|WARNING|ERROR|CRITICAL) \d+ \S.*\n?$")]
    private static partial Regex TextLine();
}
